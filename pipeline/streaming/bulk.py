"""Applies a changelog by columns: what `changelog.apply` does, for as much as is ordinary.

Ordinary is what a lane of this program writes. Former layouts and what cannot be read go through
`changelog.apply`, which carries over the ones and tells of the others.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.factors import contracts, links
from pipeline.factors.layout import (
    CONTRACTS_LAYOUT,
    FACTOR_ROW,
    FACTOR_ROW_LAYOUT,
    LEDGER_ROW,
    LEDGER_ROW_LAYOUT,
    LINKS_LAYOUT,
)
from pipeline.streaming import changelog
from pipeline.streaming.fetched import WholeBatch
from pipeline.streaming.position import Position
from pipeline.streaming.recordcolumns import (
    Int,
    OddBatchError,
    RecordColumns,
    Unpacked,
    read_columns,
)
from pipeline.streaming.stores.base import Store
from pipeline.streaming.unpacking import UnpackError

_PIECE_BYTES = 16 << 20
_Piece = tuple[WholeBatch, Unpacked | None]
_Newest = tuple[list[str], Int]
"""People, nobody twice, and the last record of a kind of each."""


class _UnusualError(Exception):
    """Something that is not applied by columns."""


def apply_batches(
    store: Store, batches: Sequence[WholeBatch], start: int, end: int
) -> tuple[Position | None, int]:
    """Apply what fetched batches hold from ``start`` up to but without ``end``.

    Returns:
        The newest position among them, and how many records were applied.

    Raises:
        UnreadableRowError: A record of unknown kind, size or layout version.
    """
    newest: Position | None = None
    count = 0
    for piece in _pieces(batches):
        position, applied = _apply_piece(store, piece, start, end)
        newest, count = position or newest, count + applied
    return newest, count


def _pieces(batches: Iterable[WholeBatch]) -> Iterator[list[_Piece]]:
    """Batches and what they unpack to, so many at a time as memory should hold."""
    piece: list[_Piece] = []
    size = 0
    for batch in batches:
        try:
            unpacked = batch.unpacked
        except UnpackError:
            unpacked = None
        piece.append((batch, unpacked))
        size += len(unpacked.body) if unpacked else 0
        if size >= _PIECE_BYTES:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def _apply_piece(
    store: Store, piece: Sequence[_Piece], start: int, end: int
) -> tuple[Position | None, int]:
    columns = _columns(piece)
    if columns is None:
        records = [record for batch, _ in piece for record in batch.records(start, end)]
        position = changelog.apply(store, ((record.key, record.value) for record in records))
        return position, len(records)
    columns = columns.within(start, end)
    return apply_columns(store, columns), len(columns)


def _columns(piece: Sequence[_Piece]) -> RecordColumns | None:
    unpacked = [each for _, each in piece if each is not None]
    if len(unpacked) < len(piece):
        return None
    try:
        return read_columns(unpacked)
    except OddBatchError:
        return None


def apply_columns(store: Store, columns: RecordColumns) -> Position | None:
    """Apply changelog records to a store, in order; returns the newest position among them.

    Raises:
        UnreadableRowError: A record of unknown kind, size or layout version.
    """
    try:
        change = _Sorter(columns).change()
    except _UnusualError:
        return changelog.apply(store, columns.entries())
    change.put(store)
    return change.position


@dataclass(frozen=True, slots=True)
class _Change:
    """What records do to a store. Nobody is twice in a list, nor anything that came to nothing."""

    gone: list[str]
    rows: tuple[list[str], NDArray[np.void]]
    ledgers: tuple[list[str], NDArray[np.void]]
    contracts: tuple[list[str], list[bytes]]
    links: tuple[list[str], list[bytes]]
    position: Position | None

    def put(self, store: Store) -> None:
        for user in self.gone:
            store.remove(user)
        (users, rows), (others, ledgers) = self.rows, self.ledgers
        if users is others:
            store.put_people(users, rows, ledgers)
        else:
            store.put_row(users, rows)
            store.put_ledger(others, ledgers)
        store.put_many_contracts(*self.contracts)
        store.put_many_links(*self.links)


class _Sorter:
    """Finds in columns what they change; raises `_UnusualError` rather than guess."""

    def __init__(self, columns: RecordColumns) -> None:
        self._columns = columns
        self._octets = np.frombuffer(columns.data, np.uint8)
        if (columns.key_size < 1).any():
            raise _UnusualError
        self._kinds = self._octets[columns.key_at]

    def change(self) -> _Change:
        """All of it."""
        by_kind = [np.flatnonzero(self._kinds == kind[0]) for kind in changelog.KINDS]
        positions = np.flatnonzero(self._kinds == changelog.POSITION_KEY[0])
        if sum(map(len, by_kind)) + len(positions) != len(self._columns):
            raise _UnusualError
        row_at = by_kind[0]
        gone_at = row_at[self._columns.value_size[row_at] < 0]
        gone = dict(zip(self._users(gone_at), gone_at.tolist(), strict=True))
        rows, of_contracts, of_links = (self._newest(by_kind[i], gone) for i in (0, 2, 3))
        ledgers = self._ledgers(by_kind[1], gone, row_at, rows)
        return _Change(
            gone=list(gone),
            rows=self._rows(rows, FACTOR_ROW, FACTOR_ROW_LAYOUT),
            ledgers=self._rows(ledgers, LEDGER_ROW, LEDGER_ROW_LAYOUT),
            contracts=_whole_contracts(*self._lists(of_contracts, CONTRACTS_LAYOUT)),
            links=_whole_links(*self._lists(of_links, LINKS_LAYOUT)),
            position=self._position(positions),
        )

    def _users(self, at: Int) -> list[str]:
        sizes = self._columns.key_size[at] - 1
        if not sizes.all():
            raise _UnusualError
        ends = np.cumsum(sizes)
        # A slice of a text costs less than one of the bytes and its decoding.
        text = self._names(at).decode("latin-1")
        users = [text[a:b] for a, b in zip((ends - sizes).tolist(), ends.tolist(), strict=True)]
        if text.isascii():
            return users
        try:
            return [user.encode("latin-1").decode() for user in users]
        except UnicodeDecodeError as error:
            raise _UnusualError from error

    def _names(self, at: Int) -> bytes:
        """Whom records are of, one after the other."""
        starts, sizes = self._columns.key_at[at] + 1, self._columns.key_size[at] - 1
        if not len(at):
            return b""
        if (sizes == sizes[0]).all():
            return bytes(self._anywhere(int(sizes[0]))[starts])
        ends = np.cumsum(sizes)
        places = np.repeat(starts - (ends - sizes), sizes) + np.arange(ends[-1])
        return bytes(self._octets[places])

    def _anywhere(self, size: int) -> NDArray[np.void]:
        """Every place of the data as if so much began there.

        Without fields, as these are, one is a single move.
        """
        data = self._columns.data
        return np.ndarray((len(data) - size + 1,), f"V{size}", data, 0, (1,))

    def _newest(self, at: Int, gone: dict[str, int]) -> _Newest:
        """The last record of each person, but for those that a removal has come after."""
        users = self._users(at)
        if not gone and len(set(users)) == len(users):
            return users, at
        newest = dict(zip(users, at.tolist(), strict=True))
        if gone:
            newest = {user: last for user, last in newest.items() if last > gone.get(user, -1)}
        return list(newest), _array(newest.values())

    def _ledgers(self, at: Int, gone: dict[str, int], row_at: Int, rows: _Newest) -> _Newest:
        """As `_newest`; mostly of the people whose rows there are, who are then not asked again."""
        users, newest = rows
        if (
            newest is row_at
            and len(at) == len(row_at)
            and (self._columns.key_size[at] == self._columns.key_size[row_at]).all()
            and self._names(at) == self._names(row_at)
        ):
            return users, at
        return self._newest(at, gone)

    def _rows(
        self, newest: _Newest, dtype: np.dtype[np.void], layout: int
    ) -> tuple[list[str], NDArray[np.void]]:
        columns = self._columns
        users, at = newest
        present = columns.value_size[at] >= 0
        if not present.all():
            users, at = _chosen(users, present), at[present]
        starts = columns.value_at[at]
        if not len(at):
            return users, np.zeros(0, dtype)
        if (columns.value_size[at] != dtype.itemsize).any():
            raise _UnusualError
        if (self._octets[starts] != layout).any():
            raise _UnusualError
        return users, self._anywhere(dtype.itemsize)[starts].view(dtype)

    def _lists(self, newest: _Newest, layout: int) -> tuple[list[str], list[bytes]]:
        """Everybody's list, without the byte that says its layout; empty where it is gone."""
        columns = self._columns
        users, at = newest
        starts, sizes = columns.value_at[at], columns.value_size[at]
        present = starts[sizes >= 0]
        if (sizes == 0).any() or (self._octets[present] != layout).any():
            raise _UnusualError
        data = columns.data
        ends = starts + np.maximum(sizes, 1)
        places = zip((starts + 1).tolist(), ends.tolist(), strict=True)
        return users, [data[a:b] for a, b in places]

    def _position(self, at: Int) -> Position | None:
        columns = self._columns
        if not len(at):
            return None
        last = int(at[-1])
        if (columns.key_size[at] != 1).any() or columns.value_size[last] < 0:
            raise _UnusualError
        start = int(columns.value_at[last])
        return Position.decode(columns.data[start : start + int(columns.value_size[last])])


def _whole_contracts(users: list[str], packed: list[bytes]) -> tuple[list[str], list[bytes]]:
    if not all(map(contracts.is_whole, set(map(len, packed)))):
        raise _UnusualError
    return users, packed


def _whole_links(users: list[str], packed: list[bytes]) -> tuple[list[str], list[bytes]]:
    ends = np.cumsum(_array(map(len, packed)))
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]]) if len(ends) else ends
    octets = np.frombuffer(b"".join(packed), np.uint8)
    for i in np.flatnonzero(~links.surely_whole(octets, starts, ends)).tolist():
        try:
            links.unpack(packed[i])
        except (struct.error, ValueError) as error:
            raise _UnusualError from error
    return users, packed


def _array(numbers: Iterable[int]) -> Int:
    return np.array(list(numbers), np.int64)


def _chosen(users: list[str], which: NDArray[np.bool_]) -> list[str]:
    return [users[i] for i in np.flatnonzero(which).tolist()]
