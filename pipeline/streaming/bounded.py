"""Has aiokafka's consumers of this process hold and hand over no more than they may.

aiokafka has no setting for it, so three of its names are given classes of ours; its version
is pinned.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import Fetcher, FetchResult, PartitionRecords
from aiokafka.errors import KafkaError

from pipeline.settings import Settings
from pipeline.streaming.fetched import BoundedRecords, WholeBatch
from pipeline.streaming.records import RECORD_BYTES, UnreadableRecord, header_bytes

PARTITIONS_AT_ONCE = 4
"""Partitions' full shares taken at once, of however many there are."""

Take = Callable[[Collection[Any], float, int | None], Awaitable[Mapping[Any, list[Any]]]]
"""Takes what is fetched of partitions, waiting so many seconds, so many records at most."""


class BoundedResult(FetchResult):  # type: ignore[misc] # untyped
    """What is fetched of one partition, handed over piece by piece."""

    records_max: int
    bytes_max: int
    _partition_records: Any
    taken_bytes = 0
    """Of the last piece."""

    def getall(self, max_records: int | None = None) -> list[Any]:
        """The next records up to either bound, at least one where there is any."""
        taken: list[Any] = []
        if not self.check_assignment(self._topic_partition) or not self.has_more():
            return taken
        records_max = min(max_records or self.records_max, self.records_max)
        left = self.bytes_max
        more = False
        for record in self._partition_records:
            taken.append(record)
            left -= RECORD_BYTES + len(record.key or b"") + len(record.value or b"")
            if record.headers:
                left -= header_bytes(record.headers)
            if more := left <= 0 or len(taken) >= records_max:
                break
        self._update_position()
        if not more:
            self._partition_records = None
        self.taken_bytes = self.bytes_max - left
        return taken


def whole_batches(key: bytes | None) -> bytes | None:
    """Given to a fetcher as what decodes keys, has it hand over `WholeBatch` by `WholeBatch`."""
    return key


class ReadableRecords(PartitionRecords):  # type: ignore[misc] # untyped
    """The records of a fetch; those that cannot be read are passed on as what they are."""

    def __init__(self, tp: Any, records: BoundedRecords, *options: Any) -> None:
        """Wrap a fetch; one of the options is what decodes keys."""
        super().__init__(tp, records, *options)
        records.whole = self._key_deserializer is whole_batches

    def _consumer_record(self, tp: Any, record: Any) -> Any:
        if isinstance(record, (UnreadableRecord, WholeBatch)):
            return record
        return super()._consumer_record(tp, record)


def bound_fetches(settings: Settings) -> None:
    """Bound all aiokafka consumers of this process that are made from now on."""
    BoundedRecords.unpacked_bytes_max = settings.unpacked_bytes_max
    BoundedResult.records_max = settings.batch_records_max
    BoundedResult.bytes_max = settings.batch_bytes_max
    fetcher.MemoryRecords = BoundedRecords
    fetcher.PartitionRecords = ReadableRecords
    fetcher.FetchResult = BoundedResult


async def take_fetched(
    source: Fetcher, take: Take, partitions: Collection[Any], wait_s: float
) -> dict[Any, list[Any]]:
    """What is fetched of some partitions, in turn, and only so much of all together.

    Args:
        source: Whose records they are.
        take: Takes from it.
        partitions: Of which to take.
        wait_s: How long to wait for any.

    Raises:
        KafkaError: The next records of a partition cannot be had.
    """
    taken: dict[Any, list[Any]] = {}
    if not _ready(source, partitions):
        taken.update(await take(partitions, wait_s, 1))
        if not taken:
            return taken
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
                return taken  # it is met again at the next call
            gives = gives or bool(got)
            left -= result.taken_bytes if got else 0
            for of, records in got.items():
                taken.setdefault(of, []).extend(records)
            if left <= 0:
                break
    return taken


def _ready(source: Fetcher, partitions: Collection[Any]) -> dict[Any, BoundedResult]:
    """What can be taken without waiting: nothing while partitions are given out anew."""
    if source._subscriptions.reassignment_in_progress:  # noqa: SLF001 - no public way
        return {}
    return {
        tp: result
        for tp, result in source._records.items()  # noqa: SLF001 - no public way
        if tp in partitions and isinstance(result, BoundedResult)
    }
