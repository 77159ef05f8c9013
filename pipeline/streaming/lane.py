"""A lane: everything that happens to one owned partition, one transaction after the other.

    fetched batches ──► Waiting ──► decode, fold, score ──► transaction ──► scatter, acknowledge
                                         ▲                                        │
                                         └────── next batch folds what has come ◄─┘

Lanes overlap: while one waits for its commit, another folds. Nothing of a batch is visible
in memory before its transaction has committed.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from enum import StrEnum

import structlog
from aiokafka.errors import KafkaError

from pipeline import topics
from pipeline.factors.months import month_of_ms
from pipeline.settings import Settings
from pipeline.streaming import metrics, restore, step
from pipeline.streaming.arrivals import DecodedTopic, Record, decode
from pipeline.streaming.output import Output
from pipeline.streaming.position import Position
from pipeline.streaming.reader import PartitionReader
from pipeline.streaming.store import PartitionStore
from pipeline.streaming.transaction import FencedError, TransactionalWriter
from pipeline.streaming.waiting import Acknowledge, Taken, Waiting

log = structlog.get_logger(__name__)

_RETRY_S = 1.0
_SWEEP_PEOPLE = 10_000
"""People re-scored in one transaction; new events go between two of them."""


class LaneStatus(StrEnum):
    """Where a lane stands."""

    RECOVERING = "recovering"
    RUNNING = "running"
    STOPPED = "stopped"
    FENCED = "fenced"


class Lane:
    """One partition's state and the task that advances it."""

    def __init__(
        self,
        settings: Settings,
        context: step.StepContext,
        on_failure: Callable[[BaseException], None],
    ) -> None:
        """Set up for ``context.partition``; ``start`` begins to work."""
        self._settings = settings
        self._context = context
        self._on_failure = on_failure
        self._writer = TransactionalWriter(settings, context.partition)
        self._reader = PartitionReader(settings)
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._unverified: set[str] = set()
        self._in_hand: Taken | None = None
        self._to_sweep: list[list[str]] = []
        self._sweep_month = 0
        self._next_expiry_ms = 0
        self.partition = context.partition
        self.waiting = Waiting()
        self.status = LaneStatus.STOPPED
        self.store: PartitionStore | None = None
        self.position = Position()
        self.advanced_at = time.monotonic()

    @property
    def is_behind(self) -> bool:
        """Whether no more should be fetched for now."""
        return self.waiting.records >= self._settings.lane_waiting_max

    def pending(self, topic: str) -> int:
        """Records of a topic that are fetched but not yet applied."""
        in_hand = self._in_hand.records.get(topic, ()) if self._in_hand else ()
        return self.waiting.records_of(topic) + len(in_hand)

    def offer(self, topic: str, records: Sequence[Record], acknowledge: Acknowledge) -> None:
        """Hand over a fetched batch; ``acknowledge`` is called when it is applied."""
        if self._stopping or self.status in {LaneStatus.STOPPED, LaneStatus.FENCED}:
            return  # the next owner starts from the position
        if not self.waiting.records:
            self.advanced_at = time.monotonic()
        self.waiting.put(topic, records, acknowledge)

    def start(self) -> None:
        """Begin: verify that the state held is still ours, or restore it."""
        self._stopping = False
        self.status = LaneStatus.RECOVERING
        self._unverified = {topic.name for topic in topics.INPUTS}
        self.advanced_at = time.monotonic()
        self._task = asyncio.create_task(self._run(), name=f"lane-{self.partition}")

    async def stop(self, grace_s: float) -> None:
        """End after the transaction under way; what waits is dropped unacknowledged.

        If it does not end within ``grace_s`` the state is dropped too, as it is not known
        whether the transaction committed.
        """
        self._stopping = True
        self.waiting.wake()
        task, self._task = self._task, None
        if task is not None:
            done, _ = await asyncio.wait([task], timeout=grace_s)
            if not done:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                self.store = None
        self.waiting.clear()
        self._in_hand = None
        self.status = LaneStatus.STOPPED

    async def close(self, grace_s: float) -> None:
        """Stop, disconnect and drop the state."""
        await self.stop(grace_s)
        self.store = None
        await self._writer.stop()
        await self._reader.stop()

    async def _run(self) -> None:
        try:
            while not self._stopping:
                await self._run_until_broken()
        except FencedError:
            # Ownership has moved on; the group will say so. The state is worth nothing now.
            log.warning("partition taken by another worker", partition=self.partition)
            self._drop()
            self.status = LaneStatus.FENCED
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the worker must end with it
            self._drop()
            self._on_failure(error)

    async def _run_until_broken(self) -> None:
        """Own the partition and advance; a transaction whose end is unknown starts anew."""
        try:
            await self._own()
            self.status = LaneStatus.RUNNING
            while not self._stopping:
                await self._advance()
        except KafkaError as error:
            log.warning("transaction failed", partition=self.partition, error=repr(error))
            self.store = None
            self.status = LaneStatus.RECOVERING
            await asyncio.sleep(_RETRY_S)

    def _drop(self) -> None:
        self.store = None
        self._in_hand = None
        self.waiting.clear()

    async def _own(self) -> None:
        if self.store is not None and await self._still_ours():
            return
        started = time.monotonic()
        await self._writer.start()
        await self._reader.start()
        self._unverified = {topic.name for topic in topics.INPUTS}
        restored = await restore.restore(self._reader, self.partition, self._advanced)
        self.store, self.position = restored.store, restored.position
        self._next_expiry_ms = self.store.next_expiry_ms()
        metrics.RECOVERY_SECONDS.observe(time.monotonic() - started)
        log.info(
            "partition restored",
            partition=self.partition,
            people=len(self.store),
            seconds=round(time.monotonic() - started, 3),
        )
        self._observe()
        self._to_sweep, self._sweep_month = [], 0
        await self._catch_up_on_consents()
        self._plan_sweep()

    def _advanced(self) -> None:
        self.advanced_at = time.monotonic()

    async def _still_ours(self) -> bool:
        """Whether nobody took the partition since our last transaction: write and see."""
        try:
            await self._commit(step.nothing(self.position))
        except FencedError:
            self.store = None
            return False
        return True

    async def _advance(self) -> None:
        if not self._to_sweep and self._in_hand is None:
            await self.waiting.wait()
        if self._stopping:
            return
        if self._in_hand is None:
            self._in_hand = self.waiting.take(self._settings.lane_records_max)
        if self._in_hand:
            await self._apply(self._in_hand)
        self._in_hand = None
        if self._to_sweep:
            await self._sweep_some()

    async def _apply(self, taken: Taken) -> None:
        taken.drop_applied(self.position)
        await self._fill_holes(taken)
        if taken.records:
            await self._apply_records(taken)
        for acknowledge in taken.acknowledge:
            acknowledge()
        self._advanced()

    async def _apply_records(self, taken: Taken) -> None:
        with metrics.phase("decode"):
            decoded = decode(taken.records, self._context.registry)
        folded = self._fold(decoded)
        if folded.lacks_consent and (late := await self._unread_consents(decoded)):
            folded = self._fold(late)
        with metrics.phase("score"):
            output = step.finish(folded, self.position, self._context)
        await self._commit(output)
        metrics.observe_batch(output, sum(map(len, taken.records.values())))

    def _fold(self, decoded: list[DecodedTopic]) -> step.Folded:
        assert self.store is not None  # noqa: S101 - the lane runs only with a store
        with metrics.phase("fold"):
            return step.fold(self.store, decoded, self.position, self._context)

    async def _commit(self, output: Output) -> None:
        assert self.store is not None  # noqa: S101 - the lane runs only with a store
        with metrics.phase("commit"):
            await self._writer.write(output)
        for user in output.erased:
            self.store.remove(user)
        self.store.scatter(output.state, output.changed)
        self.position = output.position
        if output.consent_changes:
            self._next_expiry_ms = self.store.next_expiry_ms()
        self._plan_sweep()
        metrics.observe_output(output)
        self._observe()

    def _observe(self) -> None:
        assert self.store is not None  # noqa: S101 - the lane runs only with a store
        metrics.observe_partition(
            self.partition, len(self.store), self.store.nbytes, self.position.watermark_ms
        )

    async def _fill_holes(self, taken: Taken) -> None:
        """Read what was skipped before the first batch of each topic since the assignment."""
        for name in self._unverified & taken.records.keys():
            first = taken.records[name][0].offset
            expected = self.position.next_offset(name)
            if first > expected:
                missing = await self._read_range(name, expected, first)
                taken.records[name][:0] = missing
                metrics.HOLE_RECORDS.inc(len(missing))
            self._unverified.discard(name)

    async def _unread_consents(self, decoded: list[DecodedTopic]) -> list[DecodedTopic] | None:
        """The batch with consents that the group's fetches have not brought yet.

        Without this a grant and the payment behind it could pass each other on the way.
        """
        name = topics.CONSENTS.name
        known = next((d for d in decoded if d.topic.name == name), None)
        start = known.records[-1].offset + 1 if known else self.position.next_offset(name)
        end = await self._reader.end(topics.CONSENTS, self.partition)
        if end <= start:
            return None
        late = await self._read_range(name, start, end)
        if not late:
            return None
        records = [*(known.records if known else ()), *late]
        consents = decode({name: records}, self._context.registry)
        return consents + [d for d in decoded if d.topic.name != name]

    async def _catch_up_on_consents(self) -> None:
        """Apply all consents given so far before any data is looked at."""
        name = topics.CONSENTS.name
        start = self.position.next_offset(name)
        end = await self._reader.end(topics.CONSENTS, self.partition)
        async for records in self._reader.read(topics.CONSENTS, self.partition, start, end):
            await self._apply_records(Taken(records={name: records}))

    async def _read_range(self, name: str, start: int, end: int) -> list[Record]:
        topic = next(topic for topic in topics.INPUTS if topic.name == name)
        read: list[Record] = []
        async for records in self._reader.read(topic, self.partition, start, end):
            read += records
        return read

    def _plan_sweep(self) -> None:
        """Have everybody re-scored when the watermark enters a month or passes an expiry."""
        assert self.store is not None  # noqa: S101 - the lane runs only with a store
        watermark_ms = self.position.watermark_ms
        if self._to_sweep or not watermark_ms:
            return
        month = int(month_of_ms(watermark_ms))
        if month > self.position.swept_month or 0 < self._next_expiry_ms <= watermark_ms:
            self._sweep_month = month
            self._to_sweep = list(self.store.chunks(_SWEEP_PEOPLE)) or [[]]

    async def _sweep_some(self) -> None:
        assert self.store is not None  # noqa: S101 - the lane runs only with a store
        users = [user for user in self._to_sweep[0] if user in self.store]
        with metrics.phase("sweep"):
            output = step.sweep(self.store, users, self.position, self._context)
        if len(self._to_sweep) == 1:
            output.position.swept_month = self._sweep_month
            output.consent_changes = True
        await self._commit(output)
        del self._to_sweep[:1]
        self._plan_sweep()
        self._advanced()
