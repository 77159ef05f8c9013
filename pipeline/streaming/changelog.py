"""The changelog of a partition: what its keys and values mean.

A key is one byte that names the kind, then the person's id. Values are the rows' own
bytes, so writing one costs a slice; the first byte of every value is its layout version.
"""

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.factors import contracts, former, links
from pipeline.factors.layout import (
    CONTRACTS_LAYOUT,
    FACTOR_ROW,
    FACTOR_ROW_LAYOUT,
    LEDGER_ROW,
    LEDGER_ROW_LAYOUT,
    LINKS_LAYOUT,
)
from pipeline.factors.state import BatchState
from pipeline.streaming.layouts import Layouts, ListLayouts, RowLayouts, UnreadableRowError
from pipeline.streaming.position import Position
from pipeline.streaming.records import Entry
from pipeline.streaming.shares import spans
from pipeline.streaming.stores.base import Store

ROW = b"r"
LEDGER = b"l"
CONTRACTS = b"c"
LINKS = b"k"
POSITION_KEY = b"p"
KINDS = (ROW, LEDGER, CONTRACTS, LINKS)

FACTOR_ROWS = RowLayouts(
    Layouts("factor row", FACTOR_ROW_LAYOUT, {1: former.factor_rows_from_1}),
    {1: former.FACTOR_ROW_1, 2: FACTOR_ROW},
)
LEDGER_ROWS = RowLayouts(Layouts("ledger row", LEDGER_ROW_LAYOUT, {}), {1: LEDGER_ROW})
CONTRACT_LISTS = ListLayouts(Layouts("contracts", CONTRACTS_LAYOUT, {}))
LINK_LISTS = ListLayouts(Layouts("links", LINKS_LAYOUT, {}))


def entries(before: BatchState, after: BatchState, people: Sequence[int]) -> list[Entry]:
    """Changelog entries for what a batch changed of the given people, ascending.

    ``before`` and ``after`` are the same people's state; unchanged parts are not written.
    """
    return entries_by_share(before, after, people, (len(after.users),))[0]


def entries_by_share(
    before: BatchState, after: BatchState, people: Sequence[int], ends: Sequence[int]
) -> list[list[Entry]]:
    """As ``entries``, of several partitions' people, which end at ``ends``."""
    written: list[list[Entry]] = [[] for _ in ends]
    keys = [after.users[i].encode() for i in people]
    chosen = np.asarray(people, np.int64)
    for kind, old, new in (
        (ROW, before.rows, after.rows),
        (LEDGER, before.ledgers, after.ledgers),
    ):
        size = new.dtype.itemsize
        octets = _octets(new)[chosen]
        changed = np.flatnonzero((_octets(old)[chosen] != octets).any(axis=1))
        raw_new = octets.tobytes()
        made = [(kind + keys[i], raw_new[i * size : (i + 1) * size]) for i in changed.tolist()]
        _share_out(written, made, chosen[changed], ends)
    for kind, layouts, old_lists, new_lists in (
        (CONTRACTS, CONTRACT_LISTS, before.contracts, after.contracts),
        (LINKS, LINK_LISTS, before.links, after.links),
    ):
        differ = [
            (i, key, new_lists[i])
            for i, key in zip(people, keys, strict=True)
            if old_lists[i] is not new_lists[i] and old_lists[i] != new_lists[i]
        ]
        if differ:
            lists = [(kind + key, layouts.write(new) if new else None) for _, key, new in differ]
            _share_out(written, lists, np.array([i for i, _, _ in differ]), ends)
    return written


def _share_out(
    written: Sequence[list[Entry]],
    made: Sequence[Entry],
    people: NDArray[np.int64],
    ends: Sequence[int],
) -> None:
    """Append each partition's entries, which are of so many people, one each."""
    cuts = spans(np.searchsorted(people, ends).tolist())
    for share, (start, end) in zip(written, cuts, strict=True):
        share.extend(made[start:end])


def tombstones(user: str) -> list[Entry]:
    """Changelog entries that remove all of a person."""
    key = user.encode()
    return [(kind + key, None) for kind in KINDS]


def apply(store: Store, records: Iterable[Entry]) -> Position | None:
    """Apply changelog records to a store, in order; returns the newest position among them.

    What lies there in a former layout comes into the store in the current one, and its people
    are noted in ``store.outdated``.

    Raises:
        UnreadableRowError: A record of unknown kind, size or layout version.
    """
    newest, gone = newest_of(records, ROW, (LEDGER, CONTRACTS, LINKS))
    position = take_position(newest)
    by_kind: dict[bytes, dict[str, bytes | None]] = {kind: {} for kind in KINDS}
    for key, value in newest.items():
        kind = by_kind.get((key or b"")[:1])
        if kind is None:
            raise UnreadableRowError(f"key {key!r} is of no known kind")
        kind[_user(key)] = value
    for key in gone:
        store.remove(_user(key))
    _put_rows(store, store.put_row, by_kind[ROW], FACTOR_ROWS)
    _put_rows(store, store.put_ledger, by_kind[LEDGER], LEDGER_ROWS)
    _put_lists(store, store.put_contracts, by_kind[CONTRACTS], CONTRACT_LISTS, contracts.unpack)
    _put_lists(store, store.put_links, by_kind[LINKS], LINK_LISTS, links.unpack)
    return position


def newest_of(
    records: Iterable[Entry], row: bytes, others: Sequence[bytes]
) -> tuple[dict[bytes, bytes | None], set[bytes]]:
    """The last value of each key, and the keys of the rows that were removed.

    The tombstone of a row comes first of those that remove all that belongs to it. A piece of a
    changelog may end between them: what lies before the first is left out, or it would be there
    again without its row.

    Args:
        records: In order.
        row: The kind of the rows.
        others: The kinds that belong to a row, and are removed with it.
    """
    newest: dict[bytes, bytes | None] = {}
    gone: set[bytes] = set()
    for key, value in records:
        if value is None and (key or b"")[:1] == row:
            gone.add(key)
            for kind in others:
                newest.pop(kind + key[1:], None)
        newest[key] = value
    return newest, gone


def take_position(newest: dict[bytes, bytes | None]) -> Position | None:
    """Take the position out of changelog records, the last value of each key; None: none is there.

    Raises:
        UnreadableRowError: It cannot be read, or was removed.
    """
    if POSITION_KEY not in newest:
        return None
    value = newest.pop(POSITION_KEY)
    if value is None:
        raise UnreadableRowError("the position is gone: what is applied is not known any more")
    return Position.decode(value)


def _user(key: bytes) -> str:
    try:
        user = key[1:].decode()
    except UnicodeDecodeError as error:
        raise UnreadableRowError(f"key {key!r} is not UTF-8") from error
    if not user:
        raise UnreadableRowError(f"key {key!r} names nobody")
    return user


def _put_rows(
    store: Store,
    put: Callable[[Sequence[str], NDArray[np.void]], None],
    values: Mapping[str, bytes | None],
    layouts: RowLayouts,
) -> None:
    present = {user: value for user, value in values.items() if value is not None}
    if not present:
        return
    users = list(present)
    rows, outdated = layouts.read(list(present.values()))
    put(users, rows)
    store.outdated.update(users[i] for i in np.flatnonzero(outdated).tolist())


def _put_lists(
    store: Store,
    put: Callable[[str, bytes], None],
    values: Mapping[str, bytes | None],
    layouts: ListLayouts,
    unpack: Callable[[bytes], object],
) -> None:
    for user, value in values.items():
        if value is None:
            if user in store:
                put(user, b"")
            continue
        packed, outdated = layouts.read(value)
        try:
            unpack(packed)
        except (struct.error, ValueError) as error:
            raise UnreadableRowError(f"{layouts.layouts.kind} that are not whole") from error
        put(user, packed)
        if outdated:
            store.outdated.add(user)


def _octets(rows: NDArray[np.void]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(rows).view(np.uint8).reshape(len(rows), rows.dtype.itemsize)
