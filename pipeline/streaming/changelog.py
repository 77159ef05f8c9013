"""The changelog of a partition: what its keys and values mean.

A key is one byte that names the kind, then the person's id. Values are the rows' own
bytes, so writing one costs a slice; the first byte of a row is its layout version.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.factors.layout import (
    FACTOR_ROW,
    FACTOR_ROW_LAYOUT,
    LEDGER_ROW,
    LEDGER_ROW_LAYOUT,
)
from pipeline.factors.state import BatchState
from pipeline.streaming.position import Position
from pipeline.streaming.records import Entry
from pipeline.streaming.store import PartitionStore

ROW = b"r"
LEDGER = b"l"
CONTRACTS = b"c"
LINKS = b"k"
POSITION_KEY = b"p"
_KINDS = (ROW, LEDGER, CONTRACTS, LINKS)


class UnreadableRowError(RuntimeError):
    """A changelog row that this program cannot apply; the worker must not go on."""


def entries(before: BatchState, after: BatchState, people: Sequence[int]) -> list[Entry]:
    """Changelog entries for what a batch changed of the given people.

    ``before`` and ``after`` are the same people's state; unchanged parts are not written.
    """
    written: list[Entry] = []
    keys = [user.encode() for user in after.users]
    chosen = np.asarray(people, np.int64)
    for kind, old, new in (
        (ROW, before.rows, after.rows),
        (LEDGER, before.ledgers, after.ledgers),
    ):
        size = new.dtype.itemsize
        raw_new = new[chosen].tobytes()
        changed = (_octets(old[chosen]) != _octets(new[chosen])).any(axis=1)
        written += [
            (kind + keys[chosen[i]], raw_new[i * size : (i + 1) * size])
            for i in np.flatnonzero(changed).tolist()
        ]
    for kind, old_lists, new_lists in (
        (CONTRACTS, before.contracts, after.contracts),
        (LINKS, before.links, after.links),
    ):
        written += [
            (kind + keys[i], new_lists[i] or None)
            for i in people
            if old_lists[i] is not new_lists[i] and old_lists[i] != new_lists[i]
        ]
    return written


def tombstones(user: str) -> list[Entry]:
    """Changelog entries that remove all of a person."""
    key = user.encode()
    return [(kind + key, None) for kind in _KINDS]


def apply(store: PartitionStore, records: Iterable[Entry]) -> Position | None:
    """Apply changelog records to a store, in order; returns the newest position among them.

    Raises:
        UnreadableRowError: A record of unknown kind, size or layout version.
    """
    newest: dict[bytes, bytes | None] = dict(records)
    position = newest.pop(POSITION_KEY, None)
    by_kind: dict[bytes, dict[str, bytes | None]] = {kind: {} for kind in _KINDS}
    for key, value in newest.items():
        kind = by_kind.get(key[:1])
        if kind is None:
            raise UnreadableRowError(f"changelog key of kind {key[:1]!r}, which is unknown here")
        kind[key[1:].decode()] = value
    for user, value in by_kind[ROW].items():
        if value is None:
            store.remove(user)
    _put_rows(store.put_row, by_kind[ROW], FACTOR_ROW, FACTOR_ROW_LAYOUT)
    _put_rows(store.put_ledger, by_kind[LEDGER], LEDGER_ROW, LEDGER_ROW_LAYOUT)
    for put, lists in ((store.put_contracts, CONTRACTS), (store.put_links, LINKS)):
        for user, value in by_kind[lists].items():
            if value is not None or user in store:
                put(user, value or b"")
    return Position.decode(position) if position is not None else None


def _put_rows(
    put: Callable[[Sequence[str], NDArray[np.void]], None],
    values: Mapping[str, bytes | None],
    dtype: np.dtype[np.void],
    layout: int,
) -> None:
    present = {user: value for user, value in values.items() if value is not None}
    if present:
        put(list(present), _rows(list(present.values()), dtype, layout))


def _rows(values: Sequence[bytes], dtype: np.dtype[np.void], layout: int) -> NDArray[np.void]:
    layouts = {value[0] if value else 0 for value in values}
    if layouts != {layout}:
        raise UnreadableRowError(f"row of layout {sorted(layouts)}; this program knows {layout}")
    if any(len(value) != dtype.itemsize for value in values):
        raise UnreadableRowError(f"row whose size is not {dtype.itemsize} bytes")
    return np.frombuffer(b"".join(values), dtype)


def _octets(rows: NDArray[np.void]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(rows).view(np.uint8).reshape(len(rows), rows.dtype.itemsize)
