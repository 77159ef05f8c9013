"""A lane: everything that happens to one owned partition, one transaction after the other.

    fetched batches ──► Waiting ──► Owned.apply ──► transaction ──► acknowledge
                                         ▲                              │
                                         └─ next batch is what has come ┘

Lanes overlap: while one waits for its commit, another works. What a lane owns is dropped
and restored whenever it is not known whether a transaction has committed.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from enum import StrEnum

import structlog
from aiokafka.errors import KafkaError

from pipeline.failpoints import Failpoint, hit
from pipeline.settings import Settings
from pipeline.streaming import lane_metrics as metrics
from pipeline.streaming.flow import Flow, Owned
from pipeline.streaming.reader import PartitionReader
from pipeline.streaming.records import Record
from pipeline.streaming.transaction import FencedError, TransactionalWriter, id_of
from pipeline.streaming.waiting import Acknowledge, Taken, Waiting

log = structlog.get_logger(__name__)

_RETRY_S = 1.0


class LaneStatus(StrEnum):
    """Where a lane stands."""

    RECOVERING = "recovering"
    RUNNING = "running"
    STOPPED = "stopped"
    FENCED = "fenced"


class Lane:
    """One assigned partition and the task that advances it."""

    def __init__(
        self,
        settings: Settings,
        flow: Flow,
        partition: int,
        on_failure: Callable[[BaseException], None],
    ) -> None:
        """Set up for ``partition``; ``start`` begins to work."""
        self._settings = settings
        self._flow = flow
        self._on_failure = on_failure
        self._writer = TransactionalWriter(settings, id_of(flow.group, partition))
        self._reader = PartitionReader(settings)
        self._task: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self._owned: Owned | None = None
        self._in_hand: Taken | None = None
        self._at_work = False
        self._advanced_at = time.monotonic()
        self._failing = False
        self.partition = partition
        self.waiting = Waiting(flow.inputs)
        self.status = LaneStatus.STOPPED

    @property
    def is_behind(self) -> bool:
        """Whether no more should be fetched for now."""
        return (
            self.waiting.records >= self._settings.lane_waiting_max
            or self.nbytes >= self._settings.lane_waiting_bytes_max
        )

    @property
    def nbytes(self) -> int:
        """Bytes of the records that are fetched but not yet applied."""
        return self.waiting.nbytes + (self._in_hand.nbytes if self._in_hand else 0)

    def pending(self, topic: str) -> int:
        """Records of a topic that are fetched but not yet applied."""
        in_hand = self._in_hand.records.get(topic, ()) if self._in_hand else ()
        return self.waiting.records_of(topic) + len(in_hand)

    def stalled_s(self) -> float:
        """How long there has been work without a commit or a step of the restore, in seconds."""
        if self.status is LaneStatus.STOPPED:
            return 0.0
        idle = self.status is LaneStatus.RUNNING and not (
            self.waiting.records or self._in_hand or self._at_work
        )
        return 0.0 if idle else time.monotonic() - self._advanced_at

    def offer(self, topic: str, records: Sequence[Record], acknowledge: Acknowledge) -> None:
        """Hand over a fetched batch; ``acknowledge`` is called when it is applied."""
        if self.status is LaneStatus.STOPPED or self._stop.is_set():
            return  # the next owner starts from the position
        if self.stalled_s() == 0.0:
            self._advanced_at = time.monotonic()
        self.waiting.put(topic, records, acknowledge)

    def fail(self, error: BaseException) -> None:
        """End the worker."""
        self._on_failure(error)

    def wake(self) -> None:
        """Have the owner asked for work although nothing has arrived."""
        self.waiting.wake()

    def start(self) -> None:
        """Begin: verify that the state held is still ours, or restore it."""
        self._stop.clear()
        self.status = LaneStatus.RECOVERING
        self._failing = self._at_work = False
        self._advanced_at = time.monotonic()
        self._task = asyncio.create_task(self._run(), name=f"lane-{self.partition}")

    async def stop(self, grace_s: float) -> None:
        """End after the transaction under way; what waits is dropped unacknowledged.

        If it does not end within ``grace_s`` the state is dropped too, as it is not known
        whether the transaction committed.
        """
        self._stop.set()
        self.waiting.wake()
        task, self._task = self._task, None
        if task is not None:
            done, _ = await asyncio.wait([task], timeout=grace_s)
            if not done:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                await self._drop()
        if self._owned is not None:
            await self._owned.suspend()
        self.waiting.clear()
        self._in_hand = None
        self.status = LaneStatus.STOPPED

    async def close(self, grace_s: float, *, save: bool) -> None:
        """Stop, disconnect and drop the state.

        Args:
            grace_s: As `stop` has it.
            save: Keep the state for this worker's next start, if it has a disk for that. For one
                that goes on without the partition it is not worth the time.
        """
        await self.stop(grace_s)
        await self._drop(save=save)
        await self._writer.stop()
        await self._reader.stop()

    async def _run(self) -> None:
        try:
            while not self._stop.is_set():
                await self._run_until_broken()
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the worker must end with it
            await self._drop()
            self._on_failure(error)

    async def _run_until_broken(self) -> None:
        """Own the partition and advance; what breaks off is taken up again after a restore.

        A fenced lane waits first: if the partition went to another worker the group will
        stop this lane meanwhile. If it did not, the broker had timed our transaction out.
        """
        try:
            owned = await self._own()
            self.status = LaneStatus.RUNNING
            while not self._stop.is_set():
                await self._advance(owned)
        except FencedError:
            log.warning("fenced: another worker or a time-out", partition=self.partition)
            await self._pause(LaneStatus.FENCED, self._settings.session_timeout_s)
        except KafkaError as error:
            log.warning("transaction failed", partition=self.partition, error=repr(error))
            await self._pause(LaneStatus.RECOVERING, _RETRY_S)

    async def _drop(self, *, save: bool = False) -> None:
        owned, self._owned = self._owned, None
        if owned is not None:
            try:
                await owned.suspend()
            finally:
                await owned.release(save=save)

    async def _pause(self, status: LaneStatus, seconds: float) -> None:
        await self._drop()
        self._failing = True
        self.status = status
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            self.status = LaneStatus.RECOVERING

    async def _own(self) -> Owned:
        if self._owned is not None:
            try:
                await self._owned.confirm()
            except FencedError:
                await self._drop()
            else:
                return self._owned
        started = time.monotonic()
        await self._writer.start()
        hit(Failpoint.RESTORE_FENCED)
        await self._reader.start()
        self._owned = owned = await self._flow.take_over(
            self.partition, self._writer, self._reader, self, self._on_restoring, self._on_committed
        )
        hit(Failpoint.RESTORE_DONE)
        seconds = time.monotonic() - started
        metrics.RECOVERY_SECONDS.observe(seconds)
        log.info("partition restored", partition=self.partition, seconds=round(seconds, 3))
        await owned.begin()
        hit(Failpoint.RESTORE_BEGUN)
        return owned

    def _on_restoring(self) -> None:
        # Restoring again and again because nothing commits is no advance.
        if not self._failing:
            self._advanced_at = time.monotonic()

    def _on_committed(self) -> None:
        self._failing = False
        self._advanced_at = time.monotonic()

    async def _advance(self, owned: Owned) -> None:
        if self._in_hand is None and not self._is_to_work(owned):
            await self.waiting.wait(owned.due_in_s())
        if self._stop.is_set():
            return
        if self._in_hand is None:
            self._in_hand = self.waiting.take(
                self._settings.lane_records_max, self._settings.lane_bytes_max
            )
        if self._in_hand:
            hit(Failpoint.LANE_TAKEN)
            await owned.apply(self._in_hand)
            for acknowledge in self._in_hand.acknowledge:
                acknowledge()
            hit(Failpoint.LANE_ACKNOWLEDGED)
        self._in_hand = None
        if self._is_to_work(owned):
            await owned.work()

    def _is_to_work(self, owned: Owned) -> bool:
        has_work = owned.has_work
        if has_work and self.stalled_s() == 0.0:
            self._advanced_at = time.monotonic()
        self._at_work = has_work
        return has_work
