"""The gateway's changelog: what its keys and values mean.

A key is one byte that names the kind, then the grant (partner, purpose, person) or the person.
Rows are their own values; the first byte of each value is its layout version.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.factors.columns import Int64
from pipeline.gateway.changes import Changes
from pipeline.gateway.grants import split_key
from pipeline.gateway.keyring import SUBJECT_CHARACTERS
from pipeline.gateway.rows import GRANT_ROW, GRANT_ROW_LAYOUT, PERSON_ROW, PERSON_ROW_LAYOUT
from pipeline.gateway.state import GatewayState
from pipeline.gateway.vocabulary import PURPOSE_CODES
from pipeline.streaming.changelog import POSITION_KEY
from pipeline.streaming.layouts import UnreadableRowError
from pipeline.streaming.position import Position
from pipeline.streaming.records import Entry

GRANT = b"g"
CONTRACTS = b"c"
ALIASES = b"a"
PERSON = b"e"
_LISTS_LAYOUT = b"\x01"
_OF_A_GRANT = (GRANT, CONTRACTS, ALIASES)
_CONTRACT_BYTES = 8
_Item = TypeVar("_Item")


def entries(state: GatewayState, changes: Changes, position: Position) -> list[Entry]:
    """All that a batch changed; before anything is released whose slot it names."""
    grants = state.grants
    # What is gone comes first: the same grant may be there anew.
    written: list[Entry] = [(kind + key, None) for key in changes.gone for kind in _OF_A_GRANT]
    slots = _distinct(changes.grants)
    raw, size = grants.rows[slots].tobytes(), GRANT_ROW.itemsize
    keys = grants.keys
    written += [
        (GRANT + key, raw[at * size : (at + 1) * size])
        for at, slot in enumerate(slots.tolist())
        if (key := keys[slot]) is not None
    ]
    for kind, changed, packed in (
        (CONTRACTS, changes.contracts, _pack_contracts(grants.contracts)),
        (ALIASES, changes.aliases, _pack_aliases(grants.aliases)),
    ):
        written += [
            (kind + key, packed(slot))
            for slot in sorted(changed)
            if (key := keys[slot]) is not None
        ]
    written += _people(state, _distinct(changes.people))
    written.append((POSITION_KEY, position.encode()))
    return written


def apply(state: GatewayState, records: Iterable[Entry]) -> Position | None:
    """Apply changelog records to a state, in order; returns the newest position among them.

    Subjects are not found by it yet: see `Grants.index_subjects`, once all is applied.

    Raises:
        UnreadableRowError: A record of unknown kind, size or layout version.
    """
    newest: dict[bytes, bytes | None] = dict(records)
    position = newest.pop(POSITION_KEY, None)
    by_kind: dict[bytes, list[Entry]] = {kind: [] for kind in (*_OF_A_GRANT, PERSON)}
    for key, value in newest.items():
        kind = by_kind.get(key[:1])
        if kind is None:
            raise UnreadableRowError(f"changelog key of kind {key[:1]!r}, which is unknown here")
        kind.append((key[1:], value))
    _put_people(state, by_kind[PERSON])
    _put_grants(state, by_kind[GRANT])
    _put_lists(state, state.grants.contracts, by_kind[CONTRACTS], _contracts)
    _put_lists(state, state.grants.aliases, by_kind[ALIASES], _aliases)
    return Position.decode(position) if position is not None else None


def _people(state: GatewayState, slots: Int64) -> Iterator[Entry]:
    rows = state.people.rows[slots]
    for user, row in zip(state.people.users(slots), rows, strict=True):
        yield PERSON + user.encode(), row.tobytes() if row["layout"] else None


def _pack_contracts(contracts: dict[int, list[int]]) -> Callable[[int], bytes | None]:
    def pack(slot: int) -> bytes | None:
        hashes = contracts.get(slot)
        return _LISTS_LAYOUT + np.array(hashes, "<u8").tobytes() if hashes else None

    return pack


def _pack_aliases(aliases: dict[int, list[bytes]]) -> Callable[[int], bytes | None]:
    def pack(slot: int) -> bytes | None:
        subjects = aliases.get(slot)
        return _LISTS_LAYOUT + b"".join(subjects) if subjects else None

    return pack


def _contracts(packed: bytes) -> list[int]:
    if len(packed) % _CONTRACT_BYTES:
        raise UnreadableRowError(f"contracts of {len(packed)} bytes")
    hashes: list[int] = np.frombuffer(packed, "<u8").tolist()
    return hashes


def _aliases(packed: bytes) -> list[bytes]:
    if len(packed) % SUBJECT_CHARACTERS:
        raise UnreadableRowError(f"former subjects of {len(packed)} bytes")
    starts = range(0, len(packed), SUBJECT_CHARACTERS)
    return [packed[at : at + SUBJECT_CHARACTERS] for at in starts]


def _put_lists(
    state: GatewayState,
    lists: dict[int, list[_Item]],
    records: list[Entry],
    unpack: Callable[[bytes], list[_Item]],
) -> None:
    for key, value in records:
        if value is None:
            lists.pop(_slot(state, key), None)
            continue
        if value[:1] != _LISTS_LAYOUT:
            raise UnreadableRowError(f"list of layout {value[:1]!r}; this program knows 1")
        # Compaction may have left the list and moved its grant's row further on.
        lists[_slot_or_new(state, key)] = unpack(value[1:])


def _put_people(state: GatewayState, records: list[Entry]) -> None:
    people = state.people
    gone = people.slots([key.decode() for key, value in records if value is None])
    gone = gone[gone >= 0]
    people.rows[gone] = np.zeros((), PERSON_ROW)
    people.remember(gone)
    present = {key.decode(): value for key, value in records if value is not None}
    rows = _rows(list(present.values()), PERSON_ROW, PERSON_ROW_LAYOUT)
    slots = people.slots_or_new(list(present))
    people.rows[slots] = rows
    people.remember(slots)


def _put_grants(state: GatewayState, records: list[Entry]) -> None:
    grants = state.grants
    for key in [key for key, value in records if value is None]:
        slot = _slot(state, key)
        if slot >= 0:
            grants.remove(slot)
    present = {key: value for key, value in records if value is not None}
    rows = _rows(list(present.values()), GRANT_ROW, GRANT_ROW_LAYOUT)
    slots = np.array([_slot_or_new(state, key) for key in present], np.int64)
    grants.rows[slots] = rows


def _slot(state: GatewayState, key: bytes) -> int:
    partner_id, purpose, user = split_key(key)
    person = int(state.people.slots([user])[0])
    code = state.grants.partner_code(partner_id)
    return state.grants.find_one(person, code, PURPOSE_CODES[purpose])


def _slot_or_new(state: GatewayState, key: bytes) -> int:
    slot = _slot(state, key)
    if slot >= 0:
        return slot
    partner_id, purpose, user = split_key(key)
    person = int(state.people.slots_or_new([user])[0])
    code = state.grants.partner_code(partner_id)
    return state.grants.add(person, code, PURPOSE_CODES[purpose])


def _rows(values: list[bytes | None], dtype: np.dtype[np.void], layout: int) -> NDArray[np.void]:
    packed = [value or b"" for value in values]
    layouts = {value[:1] for value in packed} - {bytes([layout])}
    if layouts:
        raise UnreadableRowError(f"row of layout {sorted(layouts)}; this program knows {layout}")
    if any(len(value) != dtype.itemsize for value in packed):
        raise UnreadableRowError(f"row whose size is not {dtype.itemsize} bytes")
    return np.frombuffer(b"".join(packed), dtype)


def _distinct(slots: list[Int64]) -> Int64:
    return np.unique(np.concatenate(slots)) if slots else np.zeros(0, np.int64)
