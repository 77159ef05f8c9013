"""Frozen bytes of every layout ever written, and what they mean.

``python -m tests.unit.layouts.golden`` freezes the layouts that are not frozen yet, and touches
no other.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.factors import contracts, links
from pipeline.gateway import changelog as gateway
from pipeline.streaming import changelog
from pipeline.streaming.layouts import ListLayouts, RowLayouts
from pipeline.streaming.position import LAYOUTS as POSITION_LAYOUTS
from pipeline.streaming.position import Position
from tests.unit.gateway.world import START_MS, World

FOLDER = Path(__file__).parents[2] / "data" / "layouts"

ROWS = {
    "factor-row": changelog.FACTOR_ROWS,
    "ledger-row": changelog.LEDGER_ROWS,
    "gateway-grant-row": gateway.GRANT_ROWS,
    "gateway-person-row": gateway.PERSON_ROWS,
}


@dataclass(frozen=True)
class Listed:
    """A kind of list: how it is read, and the ones to freeze."""

    layouts: ListLayouts
    read: Callable[[bytes], Any]
    samples: tuple[bytes, ...]


def _contracts(packed: bytes) -> list[dict[str, int]]:
    return [asdict(contract) for contract in contracts.unpack(packed).values()]


def _links(packed: bytes) -> dict[str, dict[str, Any]]:
    return {other: asdict(link) for other, link in links.unpack(packed).items()}


LISTS = {
    "contracts": Listed(
        changelog.CONTRACT_LISTS,
        _contracts,
        (
            contracts.pack(
                {
                    2**64 - 2: contracts.Contract(2**64 - 2, 1, 2**32 - 3, 4, 5, 6, 2**50 + 7),
                    8: contracts.Contract(8, opened_at_s=9),
                }
            ),
        ),
    ),
    "links": Listed(
        changelog.LINK_LISTS,
        _links,
        (
            links.pack(
                {
                    "zoë": links.Link(2**50 + 1, links.Own.CONFIRMED, True, 640),
                    "ann": links.Link(2, links.Own.REMOVED),
                    "bob": links.Link(peer_active=True),
                }
            ),
        ),
    ),
    "gateway-contracts": Listed(
        gateway.CONTRACT_LISTS,
        gateway.unpack_contracts,
        (np.array([2**64 - 2, 3], "<u8").tobytes(),),
    ),
    "gateway-former-subjects": Listed(
        gateway.ALIAS_LISTS,
        lambda packed: [subject.decode() for subject in gateway.unpack_aliases(packed)],
        (b"abcdefghij" * 4 + b"234567klmn" * 4,),
    ),
}
POSITIONS = (
    Position(
        {"consents": 2**40, "payments": 41}, 1_900_000_000_000, 646, {"payments": "an id"}, "a~1"
    ),
    Position(),
)


def frozen(kind: str, version: int) -> dict[str, Any]:
    """What lies in a file; nothing where there is none."""
    path = _path(kind, version)
    return json.loads(path.read_text()) if path.exists() else {}


def described(dtype: np.dtype[np.void]) -> list[Any]:
    """A layout's fields as JSON has them."""
    made: list[Any] = json.loads(json.dumps(dtype.descr))
    return made


def plain(row: Any, prefix: str = "") -> dict[str, Any]:
    """The fields of a row by name, those within fields as ``outer.inner``."""
    found: dict[str, Any] = {}
    for name in row.dtype.names:
        value = row[name]
        if value.dtype.names:
            found |= plain(value, f"{prefix}{name}.")
        else:
            told = value.tolist()
            found[prefix + name] = told.decode("latin-1") if isinstance(told, bytes) else told
    return found


def freeze_rows(kind: str, layouts: RowLayouts, version: int, values: Iterable[bytes]) -> None:
    """Write rows down, each with what it means in its own layout."""
    dtype = layouts.dtypes[version]
    rows = [
        {"value": value.hex(), "fields": plain(np.frombuffer(value, dtype)[0])} for value in values
    ]
    _write(kind, version, {"dtype": described(dtype), "rows": rows})


def any_row(dtype: np.dtype[np.void], version: int) -> bytes:
    """A row in which no two fields are alike."""
    noise = np.random.default_rng(version).integers(1, 256, dtype.itemsize).astype(np.uint8)
    return bytes([version]) + noise.tobytes()[1:]


def _a_gateways_rows() -> Mapping[str, list[bytes]]:
    """Rows as a gateway writes them of people who decide this and that."""
    at = START_MS - 1_000
    world = World().consent("ann", at, expires_at=START_MS + 9_000).grant("ann", at)
    world.score("ann", 660).consent("bob", at).grant("bob", at, expires_at=START_MS + 5_000).run()
    world.outcome("bikes", world.subject("ann")).run()
    world.consent("bob", at + 9, action="WITHDRAW").run()
    state = world.lanes[0].state
    grants = state.grants.rows[state.grants.taken(0, state.grants.slots_end)]
    people = state.people.rows[: len(state.people.user_at)]
    people = people[people["layout"] != 0]
    return {
        "gateway-grant-row": [row.tobytes() for row in grants],
        "gateway-person-row": [row.tobytes() for row in people],
    }


def freeze_all() -> None:
    """Freeze what is written today and is not frozen yet."""
    made = _a_gateways_rows()
    for kind, layouts in ROWS.items():
        version = layouts.layouts.current
        if not frozen(kind, version):
            noise = any_row(layouts.dtypes[version], version)
            freeze_rows(kind, layouts, version, [noise, *made.get(kind, [])])
    for kind, listed in LISTS.items():
        version = listed.layouts.layouts.current
        if not frozen(kind, version):
            lists = [
                {"value": listed.layouts.write(packed).hex(), "content": listed.read(packed)}
                for packed in listed.samples
            ]
            _write(kind, version, {"lists": lists})
    version = POSITION_LAYOUTS.current
    if not frozen("position", version):
        positions = [{"value": p.encode().decode(), "content": asdict(p)} for p in POSITIONS]
        _write("position", version, {"positions": positions})


def _path(kind: str, version: int) -> Path:
    return FOLDER / f"{kind}-{version}.json"


def _write(kind: str, version: int, content: dict[str, Any]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    _path(kind, version).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    freeze_all()
