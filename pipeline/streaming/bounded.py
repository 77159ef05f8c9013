"""Has aiokafka's consumers of this process hold and hand over no more than they may.

aiokafka has no setting for it, so names of its fetcher are given classes of ours; its version
is pinned.
"""

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import dropwhile
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import Fetcher, FetchResult, PartitionRecords
from aiokafka.errors import KafkaError

from pipeline.settings import Settings
from pipeline.streaming.columnar import joined
from pipeline.streaming.fetched import BoundedRecords, ReadAtOnce, WholeBatch
from pipeline.streaming.fetches import Fetch
from pipeline.streaming.frames import receive_by_frames
from pipeline.streaming.records import RECORD_BYTES, header_bytes

PARTITIONS_AT_ONCE = 4
"""Partitions' full shares taken at once, of however many there are."""

Take = Callable[[Collection[Any], float, int | None], Awaitable[Mapping[Any, Sequence[Any]]]]
"""Takes what is fetched of partitions, waiting so many seconds, so many records at most."""


class BoundedResult(FetchResult):  # type: ignore[misc] # untyped
    """What is fetched of one partition, handed over piece by piece."""

    records_max: int
    bytes_max: int
    _partition_records: Any
    taken_bytes = 0
    """Of the last piece."""

    def getall(self, max_records: int | None = None) -> Sequence[Any]:
        """The next records up to either bound, at least one where there is any."""
        if not self.check_assignment(self._topic_partition) or not self.has_more():
            return []
        records_max = min(max_records or self.records_max, self.records_max)
        piece: Piece = self._partition_records.take(records_max, self.bytes_max)
        self._update_position()
        if piece.is_last:
            self._partition_records = None
        self.taken_bytes = piece.nbytes
        return piece.records()

    def getone(self) -> Any:
        """The next record; None where there is none."""
        return next(iter(self.getall(1)), None)


@dataclass(slots=True)
class Piece:
    """Records handed over at once; `RECORD_BYTES` are counted for each beside what it holds."""

    nbytes: int = 0
    is_last: bool = False
    _parts: list[Sequence[Any]] = field(default_factory=list)
    _count: int = 0

    def __len__(self) -> int:
        """The number of records."""
        return self._count

    def add(self, records: Sequence[Any], nbytes: int) -> None:
        """Take records and what is counted for them."""
        self._parts.append(records)
        self._count += len(records)
        self.nbytes += nbytes

    def records(self) -> Sequence[Any]:
        """All of them."""
        return joined(self._parts) if self._parts else []


def whole_batches(key: bytes | None) -> bytes | None:
    """Given to a fetcher as what decodes keys, has it hand over `WholeBatch` by `WholeBatch`."""
    return key


class ReadableRecords(PartitionRecords):  # type: ignore[misc] # untyped
    """The records of a fetch as they were read, those that stand for unreadable ones too.

    aiokafka would make an object of eleven fields of each and hand it through two generators.
    Here it sees batches only: whether they are whole, committed, and where they end.
    """

    next_fetch_offset: int

    def __init__(self, tp: Any, records: BoundedRecords, *options: Any) -> None:
        """Wrap a fetch; one of the options is what decodes keys."""
        super().__init__(tp, records, *options)
        records.whole = True
        self._gives_whole = self._key_deserializer is whole_batches
        self._at_once: ReadAtOnce | None = None
        self._one_by_one: Iterator[Any] | None = None
        self._end = 0  # of the batch that is left in either

    def take(self, records_max: int, bytes_max: int) -> Piece:
        """The next records up to either bound, at least one where there is any."""
        piece = Piece()
        while piece.nbytes < bytes_max and len(piece) < records_max:
            if self._at_once is not None:
                if not self._take_slice(piece, self._at_once, records_max, bytes_max):
                    break
            elif self._one_by_one is not None:
                self._take_singly(piece, self._one_by_one, records_max, bytes_max)
            elif not self._open(bytes_max):
                piece.is_last = True
                break
        return piece

    def _open(self, bytes_max: int) -> bool:
        """Begin the next batch, if there is one: at once, if it may be held so."""
        start = self.next_fetch_offset
        batch = next(self, None)
        if batch is None:
            return False
        self._end, self.next_fetch_offset = batch.offset + 1, start
        if self._gives_whole or not isinstance(batch, WholeBatch):
            self._one_by_one = iter((batch,))
            return True
        read = batch.batch.read(bytes_max)
        if isinstance(read, ReadAtOnce):
            self._at_once = read.after(start)
        else:
            self._one_by_one = dropwhile(lambda record: record.offset < start, read)
        return True

    def _take_slice(self, piece: Piece, held: ReadAtOnce, records_max: int, bytes_max: int) -> bool:
        """Take what the number of records leaves room for; False: its bytes do not fit."""
        taken, left = held.parted(records_max - len(piece))
        if piece and piece.nbytes + taken.nbytes > bytes_max:
            return False
        piece.add(taken.records, taken.nbytes)
        self._at_once = left
        self.next_fetch_offset = left.records[0].offset if left is not None else self._end
        return True

    def _take_singly(
        self, piece: Piece, records: Iterator[Any], records_max: int, bytes_max: int
    ) -> None:
        taken: list[Any] = []
        nbytes = piece.nbytes
        for record in records:
            taken.append(record)
            nbytes += RECORD_BYTES + len(record.key or b"") + len(record.value or b"")
            if record.headers:
                nbytes += header_bytes(record.headers)
            if nbytes >= bytes_max or len(piece) + len(taken) >= records_max:
                self.next_fetch_offset = record.offset + 1
                break
        else:
            self._one_by_one = None
            self.next_fetch_offset = self._end
        piece.add(taken, nbytes - piece.nbytes)

    def _consumer_record(self, _tp: Any, record: Any) -> Any:
        return record


def bound_fetches(settings: Settings) -> None:
    """Bound all aiokafka consumers of this process that are made from now on."""
    BoundedRecords.unpacked_bytes_max = settings.unpacked_bytes_max
    BoundedResult.records_max = settings.batch_records_max
    BoundedResult.bytes_max = settings.batch_bytes_max
    fetcher.MemoryRecords = BoundedRecords
    fetcher.PartitionRecords = ReadableRecords
    fetcher.FetchResult = BoundedResult
    fetcher.FetchRequest = Fetch
    receive_by_frames()


async def take_fetched(
    source: Fetcher, take: Take, partitions: Collection[Any], wait_s: float
) -> dict[Any, Sequence[Any]]:
    """What is fetched of some partitions, in turn, and only so much of all together.

    Args:
        source: Whose records they are.
        take: Takes from it.
        partitions: Of which to take.
        wait_s: How long to wait for any.

    Raises:
        KafkaError: The next records of a partition cannot be had.
    """
    taken: dict[Any, list[Sequence[Any]]] = {}
    if not _ready(source, partitions):
        for tp, records in (await take(partitions, wait_s, 1)).items():
            taken[tp] = [records]
        if not taken:
            return {}
    left = PARTITIONS_AT_ONCE * BoundedResult.bytes_max
    gives = True
    while gives and left > 0 and (ready := _ready(source, partitions)):
        gives = False  # what is ready is not given while the flow is stopped
        for tp, result in ready.items():
            try:
                got = await take([tp], 0.0, None)
            except KafkaError:
                if not taken:
                    raise
                return _joined(taken)  # it is met again at the next call
            gives = gives or bool(got)
            left -= result.taken_bytes if got else 0
            for of, records in got.items():
                taken.setdefault(of, []).append(records)
            if left <= 0:
                break
    return _joined(taken)


def _joined(taken: Mapping[Any, Sequence[Sequence[Any]]]) -> dict[Any, Sequence[Any]]:
    return {tp: joined(parts) for tp, parts in taken.items()}


def _ready(source: Fetcher, partitions: Collection[Any]) -> dict[Any, BoundedResult]:
    """What can be taken without waiting: nothing while partitions are given out anew."""
    if source._subscriptions.reassignment_in_progress:  # noqa: SLF001 - no public way
        return {}
    return {
        tp: result
        for tp, result in source._records.items()  # noqa: SLF001 - no public way
        if tp in partitions and isinstance(result, BoundedResult)
    }
