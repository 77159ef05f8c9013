"""The gateway's changelog: what its keys and values mean.

A key is one byte that names the kind, then the grant (partner, purpose, person) or the person.
Rows are their own values; the first byte of each value is its layout version.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import numpy as np

from pipeline.factors.columns import Int64
from pipeline.gateway import former
from pipeline.gateway.changes import Changes
from pipeline.gateway.grants import NO_PARTNER, split_key
from pipeline.gateway.keyring import SUBJECT_CHARACTERS
from pipeline.gateway.rows import (
    ALIASES_LAYOUT,
    CONTRACTS_LAYOUT,
    GRANT_ROW,
    GRANT_ROW_LAYOUT,
    PERSON_ROW,
    PERSON_ROW_LAYOUT,
)
from pipeline.gateway.state import GatewayState
from pipeline.gateway.vocabulary import PURPOSE_CODES
from pipeline.streaming.changelog import POSITION_KEY, newest_of, take_position
from pipeline.streaming.layouts import Layouts, ListLayouts, RowLayouts, UnreadableRowError
from pipeline.streaming.position import Position
from pipeline.streaming.records import Entry

GRANT = b"g"
CONTRACTS = b"c"
ALIASES = b"a"
PERSON = b"e"
_OF_A_GRANT = (GRANT, CONTRACTS, ALIASES)
_CONTRACT_BYTES = 8

GRANT_ROWS = RowLayouts(
    Layouts("grant row", GRANT_ROW_LAYOUT, {1: former.grant_rows_from_1}),
    {1: former.GRANT_ROW_1, 2: GRANT_ROW},
)
PERSON_ROWS = RowLayouts(
    Layouts("gateway's person row", PERSON_ROW_LAYOUT, {1: former.person_rows_from_1}),
    {1: former.PERSON_ROW_1, 2: PERSON_ROW},
)
CONTRACT_LISTS = ListLayouts(Layouts("grant's contracts", CONTRACTS_LAYOUT, {}))
ALIAS_LISTS = ListLayouts(Layouts("grant's former subjects", ALIASES_LAYOUT, {}))
_Item = TypeVar("_Item")


def entries(state: GatewayState, changes: Changes, position: Position) -> list[Entry]:
    """All that a batch changed, the position last; before a slot it names is released."""
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

    Subjects are not found by it yet: see `Grants.index_subjects`, once all is applied. What lies
    there in a former layout comes into the state in the current one, and is noted in
    ``state.outdated``.

    Raises:
        UnreadableRowError: A record of unknown kind, size or layout version.
    """
    newest, gone = newest_of(records, GRANT, (CONTRACTS, ALIASES))
    position = take_position(newest)
    by_kind: dict[bytes, list[Entry]] = {kind: [] for kind in (*_OF_A_GRANT, PERSON)}
    for key, value in newest.items():
        kind = by_kind.get((key or b"")[:1])
        if kind is None:
            raise UnreadableRowError(f"key {key!r} is of no known kind")
        kind.append((key[1:], value))
    _put_people(state, by_kind[PERSON])
    _remove_grants(state, gone)
    _put_grants(state, by_kind[GRANT])
    _put_lists(state, state.grants.contracts, by_kind[CONTRACTS], CONTRACT_LISTS, unpack_contracts)
    _put_lists(state, state.grants.aliases, by_kind[ALIASES], ALIAS_LISTS, unpack_aliases)
    return position


def _people(state: GatewayState, slots: Int64) -> Iterator[Entry]:
    rows = state.people.rows[slots]
    for user, row in zip(state.people.users(slots), rows, strict=True):
        yield PERSON + user.encode(), row.tobytes() if row["layout"] else None


def _pack_contracts(contracts: dict[int, list[int]]) -> Callable[[int], bytes | None]:
    def pack(slot: int) -> bytes | None:
        hashes = contracts.get(slot)
        return CONTRACT_LISTS.write(np.array(hashes, "<u8").tobytes()) if hashes else None

    return pack


def _pack_aliases(aliases: dict[int, list[bytes]]) -> Callable[[int], bytes | None]:
    def pack(slot: int) -> bytes | None:
        subjects = aliases.get(slot)
        return ALIAS_LISTS.write(b"".join(subjects)) if subjects else None

    return pack


def unpack_contracts(packed: bytes) -> list[int]:
    """Hashes of a grant's open contracts.

    Raises:
        UnreadableRowError: It is no such list.
    """
    if len(packed) % _CONTRACT_BYTES:
        raise UnreadableRowError(f"contracts of {len(packed)} bytes")
    hashes: list[int] = np.frombuffer(packed, "<u8").tolist()
    return hashes


def unpack_aliases(packed: bytes) -> list[bytes]:
    """A grant's former subjects.

    Raises:
        UnreadableRowError: It is no such list.
    """
    if len(packed) % SUBJECT_CHARACTERS:
        raise UnreadableRowError(f"former subjects of {len(packed)} bytes")
    starts = range(0, len(packed), SUBJECT_CHARACTERS)
    return [packed[at : at + SUBJECT_CHARACTERS] for at in starts]


def _put_lists(
    state: GatewayState,
    lists: dict[int, list[_Item]],
    records: list[Entry],
    layouts: ListLayouts,
    unpack: Callable[[bytes], list[_Item]],
) -> None:
    for key, value in records:
        if value is None:
            lists.pop(_slot(state, key), None)
            continue
        packed, outdated = layouts.read(value)
        # Compaction may have left the list and moved its grant's row further on.
        slot = _slot_or_new(state, key)
        lists[slot] = unpack(packed)
        if outdated:
            state.outdated.grants.add(slot)


def _put_people(state: GatewayState, records: list[Entry]) -> None:
    people = state.people
    gone = people.slots([_text(key) for key, value in records if value is None])
    gone = gone[gone >= 0]
    people.rows[gone] = np.zeros((), PERSON_ROW)
    people.remember(gone)
    present = {_text(key): value for key, value in records if value is not None}
    rows, outdated = PERSON_ROWS.read(list(present.values()))
    slots = people.slots_or_new(list(present))
    people.rows[slots] = rows
    people.remember(slots)
    state.outdated.people.update(slots[outdated].tolist())


def _remove_grants(state: GatewayState, keys: Iterable[bytes]) -> None:
    for key in keys:
        slot = _slot(state, key[1:])
        if slot >= 0:
            state.grants.remove(slot)


def _put_grants(state: GatewayState, records: list[Entry]) -> None:
    grants = state.grants
    present = {key: value for key, value in records if value is not None}
    rows, outdated = GRANT_ROWS.read(list(present.values()))
    slots = np.array([_slot_or_new(state, key) for key in present], np.int64)
    grants.rows[slots] = rows
    state.outdated.grants.update(slots[outdated].tolist())


def _slot(state: GatewayState, key: bytes) -> int:
    user, partner, purpose = _named(state, key)
    person = int(state.people.slots([user])[0])
    return state.grants.find_one(person, partner, purpose)


def _slot_or_new(state: GatewayState, key: bytes) -> int:
    slot = _slot(state, key)
    if slot >= 0:
        return slot
    user, partner, purpose = _named(state, key)
    slot = state.grants.add(int(state.people.slots_or_new([user])[0]), partner, purpose)
    if slot < 0:
        raise UnreadableRowError(f"key {key!r}: one more grant than a person can have")
    return slot


def _named(state: GatewayState, key: bytes) -> tuple[str, int, int]:
    """The person, and the codes of partner and purpose."""
    try:
        partner_id, purpose, user = split_key(key)
    except ValueError as error:
        raise UnreadableRowError(f"key {key!r} names no grant") from error
    code = state.grants.partner_code(partner_id)
    if code == NO_PARTNER or purpose not in PURPOSE_CODES or not user:
        raise UnreadableRowError(f"key {key!r} names no grant that there can be")
    return user, code, PURPOSE_CODES[purpose]


def _text(key: bytes) -> str:
    try:
        return key.decode()
    except UnicodeDecodeError as error:
        raise UnreadableRowError(f"key {key!r} is not UTF-8") from error


def _distinct(slots: list[Int64]) -> Int64:
    return np.unique(np.concatenate(slots)) if slots else np.zeros(0, np.int64)
