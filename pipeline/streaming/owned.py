"""A partition this worker owns: its state, and every change of it by one transaction each."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

import structlog

from pipeline import topics
from pipeline.factors.months import month_of_ms
from pipeline.failpoints import Failpoint, hit
from pipeline.streaming import lane_metrics, metrics, step
from pipeline.streaming.arrivals import DecodedTopic, decode
from pipeline.streaming.asking import EndsOf
from pipeline.streaming.backlog import Backlog
from pipeline.streaming.joint import JointWriter
from pipeline.streaming.lookups import look_up_schemas
from pipeline.streaming.output import Output
from pipeline.streaming.reader import PartitionReader
from pipeline.streaming.records import Record
from pipeline.streaming.restore import Restored
from pipeline.streaming.sends import sends
from pipeline.streaming.store import PartitionStore
from pipeline.streaming.stores.base import Store
from pipeline.streaming.stores.closing import close
from pipeline.streaming.together import RECORDS_MAX, Together
from pipeline.streaming.transaction import TransactionalWriter
from pipeline.streaming.waiting import Taken

_SWEEP_PEOPLE = 10_000
"""People re-scored in one transaction; new events go between two of them."""
_RENEW_PEOPLE = 10_000
"""People written in the current layouts in one transaction."""

log = structlog.get_logger(__name__)


class OwnedPartition:
    """Store and position of one partition, and what advances them.

    If a method raises, what it was writing may or may not be committed: the partition must
    be restored before it is used again.
    """

    def __init__(  # noqa: PLR0913 - each is a thing of its own
        self,
        context: step.StepContext,
        writer: TransactionalWriter,
        reader: PartitionReader,
        restored: Restored,
        on_advance: Callable[[], None],
        together: Together | None = None,
        joint: JointWriter | None = None,
        consents: EndsOf | None = None,
    ) -> None:
        """Take over what was restored; writer and reader are started.

        Args:
            context: What does not change from batch to batch.
            writer: Fences all former owners.
            reader: Reads what the group's consumer has skipped.
            restored: The state as the last transaction left it.
            on_advance: Called after each commit.
            together: Does the steps of small batches, with those of other partitions.
            joint: Writes small batches, with those of other partitions.
            consents: Asks for the ends of consents, of other partitions too.
        """
        self._joint = joint
        self._together = together or Together()
        self._context = context
        self._writer = writer
        self._reader = reader
        self._on_advance = on_advance
        self._backlog = Backlog(
            reader, context.partition, topics.INPUTS, self._next_offset, consents
        )
        self._to_sweep: list[str] | None = None
        self._sweep_after: Iterator[list[str]] = iter(())
        self._sweep_month = 0
        self._next_expiry_ms = restored.store.next_expiry_ms()
        self._changelog = topics.changelog_of(restored.generation)
        self.partition = context.partition
        self.store: Store = restored.store
        self.position = restored.position
        if outdated := len(self.store.outdated):
            log.info("rows in former layouts", partition=self.partition, people=outdated)
        self._observe()

    @property
    def has_work(self) -> bool:
        """Whether people are to be scored again, written in new layouts, or the store tended."""
        return (
            self._to_sweep is not None or bool(self.store.outdated) or self.store.due_in_s() == 0.0
        )

    def due_in_s(self) -> float | None:
        """Seconds until the store is to be tended: only events make time pass for people."""
        return self.store.due_in_s()

    async def begin(self) -> None:
        """Check the topics against the position, and apply all consents given so far.

        Raises:
            PositionBeyondEndError: A topic ends before what is applied of it.
        """
        await self._backlog.check_ends(self._changelog)
        if self.position.applied and not await self._reader.end(topics.JOURNAL, self.partition):
            # A journal begun later than the state: whoever follows it sees what it lacks.
            await self._commit(step.nothing(self.position))
        await self._apply_unread_consents()
        self._plan_sweep()

    async def confirm(self) -> None:
        """Write the position again, which fails if another worker took the partition.

        Raises:
            FencedError: One did.
        """
        self._backlog.assigned()
        await self._commit(step.nothing(self.position))

    async def suspend(self) -> None:
        """Nothing is read beside what the lane is offered."""

    async def release(self, *, save: bool) -> None:
        """Let the rows go."""
        self._to_sweep, self._sweep_after = None, iter(())
        store, self.store = self.store, PartitionStore()
        await close(store, save=save)

    async def apply(self, taken: Taken) -> None:
        """Apply fetched records in one transaction, and what they show to be missing before."""
        taken.drop_applied(self.position)
        await self._fill_holes(taken)
        # A hole may have brought newer consents than were taken.
        taken.drop_applied(self.position)
        if taken.records:
            await self._apply_records(taken.records)

    async def work(self) -> None:
        """Tend the store, score the next people again, or renew what is outdated."""
        if self.store.due_in_s() == 0.0:
            self.store.tend()
        elif self._to_sweep is not None:
            await self._sweep(self._to_sweep)
        else:
            await self._renew()

    async def _renew(self) -> None:
        """Write the next people in the current layouts, so that former ones can be dropped."""
        users = list(islice(self.store.outdated, _RENEW_PEOPLE))
        with lane_metrics.phase("renew"):
            output = step.renew(self.store, users, self.position)
        await self._commit(output)
        self.store.outdated.difference_update(users)
        if not self.store.outdated:
            log.info("all rows are in the current layouts", partition=self.partition)

    async def _sweep(self, users: list[str]) -> None:
        with lane_metrics.phase("sweep"):
            output = step.sweep(self.store, users, self.position, self._context)
            following = next(self._sweep_after, None)
        hit(Failpoint.SWEEP_SCORED)
        if following is None:
            output.position.swept_month = self._sweep_month
        await self._commit(output)
        hit(Failpoint.SWEEP_COMMITTED)
        self._to_sweep = following
        if following is None:
            self._next_expiry_ms = self.store.next_expiry_ms()
        self._plan_sweep()

    async def _apply_records(self, records: dict[str, Sequence[Record]]) -> None:
        await look_up_schemas(self._context.registry, records)
        number = sum(map(len, records.values()))
        if number <= RECORDS_MAX:
            share = step.Share(self._context, self.store, self.position)
            async with self._together.finished(share, records) as finished:
                if not (finished.lacks_consent and await self._looks_for_consents(records)):
                    await self._commit(finished.output, with_others=True)
                    metrics.observe_batch(finished.output, number)
                    return
        with lane_metrics.phase("decode"):
            decoded = decode(records, self._context.registry)
        hit(Failpoint.BATCH_DECODED)
        await asyncio.sleep(0)  # a large batch takes its turns between those of other lanes
        folded = self._fold(decoded)
        hit(Failpoint.BATCH_FOLDED)
        await asyncio.sleep(0)
        if folded.lack_consent and await self._has_consents_beyond(records):
            # A grant and the payment behind it must not pass each other on the way.
            control, data = _parted(records)
            if control:
                await self._apply_records(control)
            await self._apply_unread_consents()
            records, decoded = data, [d for d in decoded if d.topic.name in data]
            folded = self._fold(decoded)
        with lane_metrics.phase("score"):
            output = step.finish(folded, self.position, self._context)
        hit(Failpoint.BATCH_SCORED)
        await self._commit(output)
        metrics.observe_batch(output, sum(map(len, records.values())))

    async def _looks_for_consents(self, records: dict[str, Sequence[Record]]) -> bool:
        """As ``_has_consents_beyond``, for one of several lanes in a step."""
        if self._joint is None:
            return await self._has_consents_beyond(records)
        with self._joint.held():
            return await self._has_consents_beyond(records)

    async def _has_consents_beyond(self, records: dict[str, Sequence[Record]]) -> bool:
        return await self._backlog.has_consents(records.get(topics.CONSENTS.name, ()))

    def _fold(self, decoded: list[DecodedTopic]) -> step.Folded:
        with lane_metrics.phase("fold"):
            return step.fold(self.store, decoded, self.position, self._context)

    async def _commit(self, output: Output, *, with_others: bool = False) -> None:
        joint = self._joint
        # While others hang, a lane does not.
        if with_others and joint is not None and joint.takes(self.position):
            write = joint.write
        else:
            write = self._writer.write
            # Only the owner's own producer may say who else writes.
            who = joint.transactional_id if joint else ""
            output.position = replace(output.position, transactional_id=who)
        with lane_metrics.phase("commit"):
            partitions = self._context.partitions
            began_ms = time.time_ns() // 1_000_000
            offsets = await write(sends(output, self.partition, partitions, self._changelog))
        for user in output.erased:
            self.store.remove(user)
        self.store.scatter(output.state, output.changed)
        self.position = output.position
        hit(Failpoint.BATCH_SCATTERED)
        offset = offsets.get((self._context.topic_prefix + self._changelog.name, self.partition))
        if offset is not None:
            self.store.keep(self.position, offset, began_ms)
        if output.consent_changes:
            self._next_expiry_ms = self.store.next_expiry_ms()
        self._plan_sweep()
        metrics.observe_output(output)
        self._observe()
        self._on_advance()

    def _observe(self) -> None:
        metrics.observe_partition(
            self.partition, len(self.store), self.store.nbytes, self.position.watermark_ms
        )

    async def _fill_holes(self, taken: Taken) -> None:
        async for name, records in self._backlog.skipped(taken):
            await self._apply_records({name: records})

    async def _apply_unread_consents(self) -> None:
        async for records in self._backlog.unread(topics.CONSENTS):
            await self._apply_records({topics.CONSENTS.name: records})

    def _next_offset(self, topic: str) -> int:
        return self.position.next_offset(topic)

    def _plan_sweep(self) -> None:
        """Have everybody scored again in a new month, and those whose consents ended."""
        watermark_ms = self.position.watermark_ms
        if self._to_sweep is not None or not watermark_ms:
            return
        month = int(month_of_ms(watermark_ms))
        if month > self.position.swept_month:
            self._sweep_month = month
            self._sweep_after = self.store.chunks(_SWEEP_PEOPLE)
            self._to_sweep = next(self._sweep_after, [])
        elif 0 < self._next_expiry_ms <= watermark_ms:
            self._sweep_month = self.position.swept_month
            self._sweep_after = iter(())
            self._to_sweep = self.store.expired(watermark_ms)


def _parted(
    records: dict[str, Sequence[Record]],
) -> tuple[dict[str, Sequence[Record]], dict[str, Sequence[Record]]]:
    """Consents, and everything else."""
    name = topics.CONSENTS.name
    control = {name: records[name]} if name in records else {}
    return control, {other: r for other, r in records.items() if other != name}
