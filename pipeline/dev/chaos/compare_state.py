"""The state in the changelog held against the reference's."""

from collections.abc import Iterator, Mapping

import numpy as np
from kafka.partitioner.default import murmur2

from pipeline.dev.chaos.evidence import Evidence
from pipeline.dev.chaos.refold import Refolded
from pipeline.dev.chaos.verdict import Verdict
from pipeline.factors.layout import CONTRACTS_LAYOUT, FACTOR_ROW, LEDGER_ROW, LINKS_LAYOUT
from pipeline.reference.person import Person
from pipeline.reference.render import contract_list, factor_row, ledger_row, link_list
from pipeline.streaming import changelog
from pipeline.streaming.position import Position

_KINDS = {
    changelog.ROW: "factor row",
    changelog.LEDGER: "ledger",
    changelog.CONTRACTS: "contracts",
    changelog.LINKS: "links",
}


def compare_state(evidence: Evidence, refolded: Refolded, verdict: Verdict) -> None:
    """Every row and list of a partition's people, byte for byte; what was published aside."""
    partition = refolded.inputs.partition
    found = dict(evidence.states[partition])
    position = Position.decode(found.pop(changelog.POSITION_KEY, Position().encode()))
    if position != refolded.position:
        verdict.disorder(
            f"partition {partition}: the changelog ends at {position}, "
            f"the journal at {refolded.position}"
        )
    wanted = dict(_rows(refolded.people))
    for key in sorted(found.keys() | wanted.keys()):
        verdict.compare_row(_differs(key, found.get(key), wanted.get(key)))
    for key in found:
        if partition_of(key[1:], evidence.partitions) != partition:
            verdict.disorder(f"{_name(key)} lies in partition {partition}")


def partition_of(key: bytes, partitions: int) -> int:
    """Where Kafka's default partitioner puts a key."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)


def _rows(people: Mapping[str, Person]) -> Iterator[tuple[bytes, bytes]]:
    for user, person in people.items():
        key = user.encode()
        yield changelog.ROW + key, factor_row(person)
        yield changelog.LEDGER + key, ledger_row(person)
        if contracts := contract_list(person):
            yield changelog.CONTRACTS + key, bytes([CONTRACTS_LAYOUT]) + contracts
        if links := link_list(person):
            yield changelog.LINKS + key, bytes([LINKS_LAYOUT]) + links


def _differs(key: bytes, found: bytes | None, wanted: bytes | None) -> str | None:
    if found is None:
        return f"{_name(key)} is not there"
    if wanted is None:
        return f"{_name(key)} must not be there"
    if key.startswith(changelog.ROW) and len(found) == FACTOR_ROW.itemsize:
        found = _fold_part(found)
    if found == wanted:
        return None
    dtype = {changelog.ROW: FACTOR_ROW, changelog.LEDGER: LEDGER_ROW}.get(key[:1])
    if dtype is None or len(found) != dtype.itemsize:
        return f"{_name(key)} is {found.hex()}, must be {wanted.hex()}"
    return f"{_name(key)}: {'; '.join(_fields(found, wanted, dtype))}"


def _fold_part(value: bytes) -> bytes:
    """A row without what was published of it, which depends on when."""
    row = np.frombuffer(value, FACTOR_ROW).copy()
    row["published"] = np.zeros((), FACTOR_ROW["published"])
    return row.tobytes()


def _fields(found: bytes, wanted: bytes, dtype: np.dtype[np.void]) -> Iterator[str]:
    one, other = (np.frombuffer(value, dtype)[0] for value in (found, wanted))
    for name in dtype.names or ():
        if np.any(one[name] != other[name]):
            yield f"{name} is {one[name].tolist()}, must be {other[name].tolist()}"


def _name(key: bytes) -> str:
    return f"{_KINDS.get(key[:1], 'unknown kind')} of {key[1:].decode(errors='replace')}"
