"""A partition the gateway owns: its state, and every change of it by one transaction each."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
import structlog

from pipeline import topics
from pipeline.factors.columns import Int64
from pipeline.failpoints import Failpoint, hit
from pipeline.gateway import metrics, places, step
from pipeline.gateway.context import GatewayContext
from pipeline.gateway.feed import Place, partner_inputs
from pipeline.gateway.keyring import KeyRing
from pipeline.gateway.outcomes import is_doubtful
from pipeline.gateway.partner_topics import PartnerTopics
from pipeline.gateway.restore import Restored
from pipeline.gateway.rows import NEVER_MS
from pipeline.gateway.state import GatewayState
from pipeline.gateway.terms import PolicyTable, Terms
from pipeline.gateway.writing import LaneWriter
from pipeline.streaming import lane_metrics
from pipeline.streaming.backlog import Backlog
from pipeline.streaming.joint import JointWriter
from pipeline.streaming.lookups import look_up_schemas
from pipeline.streaming.reader import PartitionReader
from pipeline.streaming.records import Record
from pipeline.streaming.transaction import TransactionalWriter
from pipeline.streaming.waiting import Taken
from pipeline.topics import Topic

_REVIEW_GRANTS = 10_000
"""Slots looked through in one transaction; what arrives goes between two of them."""
_JOINT_RECORDS_MAX = 2_000
"""Written with other lanes: with more, the records cost more than the transaction does."""
_RENEW_SLOTS = 10_000
"""Grants, and as many people, written in the current layouts in one transaction."""

log = structlog.get_logger(__name__)


class Feed(Protocol):
    """Brings partners' own topics into the lane."""

    async def start(self, followed: Sequence[Topic]) -> None:
        """Begin at the position."""

    def follow(self, followed: Sequence[Topic]) -> None:
        """Read these topics and no others from now on."""

    async def stop(self) -> None:
        """Offer nothing more."""


class OwnedGateway:
    """State and position of one partition, and what advances them.

    If a method raises, what it was writing may or may not be committed: the partition must
    be restored before it is used again.
    """

    def __init__(  # noqa: PLR0913 - each is a thing of its own
        self,
        context: GatewayContext,
        writer: TransactionalWriter,
        reader: PartitionReader,
        restored: Restored,
        feed_at: Callable[[Place], Feed],
        partner_topics: PartnerTopics,
        on_committed: Callable[[], None],
        joint: JointWriter,
    ) -> None:
        """Take over what was restored; writer and reader are started.

        Args:
            context: What it works with; terms and keys in it may be exchanged any time.
            writer: Fences all former owners.
            reader: Reads what the group's consumer has skipped.
            restored: The state as the last transaction left it.
            feed_at: Makes the feed of the lane, given where to begin.
            partner_topics: Which topics there are.
            on_committed: Called after each commit.
            joint: Writes small batches, with those of other partitions.
        """
        self._context = context
        self._writer = LaneWriter(context, writer, reader, partner_topics, joint)
        self._settled = joint.settled
        self._on_committed = on_committed
        self._backlog = Backlog(reader, context.partition, topics.GATEWAY_INPUTS, self.next_offset)
        self._partner_topics = partner_topics
        self._ids: Mapping[str, str] = {}
        self._to_begin_anew: dict[str, tuple[str, int]] = {}
        self._rules: tuple[Terms, KeyRing, frozenset[str]] | None = None
        self._table = PolicyTable(context.terms.current)
        self._to_review: list[int] = []
        self._rescored: Int64 = np.zeros(0, np.int64)
        self.partition = context.partition
        self.state = restored.state
        self.position = restored.position
        self._next_due_ms = self.state.next_due_ms
        self._feed = feed_at(self)
        self._observe()

    @property
    def has_work(self) -> bool:
        """Whether grants are to be looked at: terms or keys were exchanged, or time has passed."""
        if self.state.outdated:
            return True
        now_ms = max(self._context.clock_ms(), self.position.watermark_ms)
        waits = bool(self._to_review or self._to_begin_anew)
        return waits or self._has_other_rules() or self._next_due_ms <= now_ms

    def due_in_s(self) -> float | None:
        """Seconds until time alone ends or changes something."""
        if self.has_work:
            return 0.0
        if self._next_due_ms == NEVER_MS:
            return None
        return (self._next_due_ms - self._context.clock_ms()) / 1000

    async def begin(self) -> None:
        """Apply all scores and consents so far, look at every grant, and follow the partners.

        Raises:
            PositionBeyondEndError: A topic ends before what is applied of it.
        """
        await self._backlog.check_ends(topics.GATEWAY_CHANGELOG)
        await self._partner_topics.looked()
        self._adopt_rules()
        await self._catch_up_on_scores()
        await self._apply_unread_consents()
        await self._feed.start(self._fed)

    async def confirm(self) -> None:
        """Write the position again, which fails if another worker took the partition.

        Raises:
            FencedError: One did.
        """
        self._backlog.assigned()
        await self._commit(step.nothing(self.position, self._context))
        await self._feed.start(self._fed)

    async def suspend(self) -> None:
        """Stop following the partners."""
        await self._feed.stop()

    async def release(self, *, save: bool) -> None:  # noqa: ARG002 - nothing is kept on disk
        """Let people and grants go."""
        self.state = GatewayState()
        self._to_review.clear()

    async def apply(self, taken: Taken) -> None:
        """Apply fetched records in one transaction, and what they show to be missing before."""
        if self._may_join(taken.records):
            await self._settled()
        taken.drop_applied(self.position)
        async for name, records in self._backlog.skipped(taken):
            await self._apply_beyond_doubt({name: records})
        # A hole may have brought newer consents than were taken.
        taken.drop_applied(self.position)
        if taken.records:
            await self._apply_beyond_doubt(taken.records)
            # What may have failed is applied again, or shown by a review.
            self._writer.is_proven |= not self._to_review

    async def _apply_beyond_doubt(self, records: dict[str, Sequence[Record]]) -> None:
        """Apply records, the newest consents ahead of a report on who seems to have no grant."""
        inbox = records.get(topics.GATEWAY_INBOX.name, ())
        now_ms = step.moment_of(self.position, self._context, self._table).now_ms
        if is_doubtful(self.state, inbox, now_ms):
            # A grant and the contract behind it must not pass each other on the way.
            consents = records.pop(topics.CONSENTS.name, None)
            if consents:
                await self._apply_records({topics.CONSENTS.name: consents})
            await self._apply_unread_consents()
        if records:
            await self._apply_records(records)

    async def work(self) -> None:
        """Look at the next grants, and at those whose time has come."""
        for topic, (topic_id, offset) in self._to_begin_anew.items():
            if self.position.next_offset(topic):
                metrics.TOPICS_MADE_ANEW.labels(topic).inc()
            places.begin_anew(self.position, topic, topic_id, offset)
        self._to_begin_anew.clear()
        if self._has_other_rules():
            self._adopt_rules()
            self._feed.follow(self._fed)
        start = self._to_review.pop(0) if self._to_review else self.state.grants.slots_end
        slots = self.state.grants.taken(start, start + _REVIEW_GRANTS)
        with lane_metrics.phase("review"):
            output = step.review(
                self.state, slots, self.position, self._context, self._table, self._rescored
            )
        hit(Failpoint.GATEWAY_REVIEWED)
        await self._commit(output)
        if not self._to_review:
            self._rescored = np.zeros(0, np.int64)
            self._take_up()
            await self._renew()

    def next_offset(self, topic: str) -> int:
        """The first offset of a topic that is not applied."""
        return self.position.next_offset(topic)

    def topic_id(self, topic: str) -> str | None:
        """The id of the topic that the offset is of; None if it is not known."""
        return self.position.topic_ids.get(topic)

    def begin_anew(self, topic: str, topic_id: str, offset: int) -> None:
        """Take a topic up at an offset as soon as the work under way is done."""
        self._to_begin_anew[topic] = topic_id, offset

    @property
    def _fed(self) -> list[Topic]:
        return partner_inputs(self._context.terms.current.partner_ids)

    async def _renew(self) -> None:
        """Write the next rows in the current layouts, so that former ones can be dropped."""
        if not (outdated := self.state.outdated):
            return
        grants, people = outdated.take(_RENEW_SLOTS)
        with lane_metrics.phase("renew"):
            output = step.renew(self.state, grants, people, self.position, self._context)
        await self._commit(output)
        if not outdated:
            log.info("all rows are in the current layouts", partition=self.partition)

    async def _apply_records(self, records: dict[str, Sequence[Record]]) -> None:
        await look_up_schemas(self._context.registry, records)
        with lane_metrics.phase("apply"):
            output = step.apply(self.state, records, self.position, self._context, self._table)
        hit(Failpoint.GATEWAY_APPLIED)
        await self._commit(output, with_others=self._may_join(records))
        lane_metrics.BATCH_RECORDS.observe(sum(map(len, records.values())))

    def _may_join(self, records: Mapping[str, Sequence[Record]]) -> bool:
        """Whether records may be written with those of other lanes."""
        few = sum(map(len, records.values())) <= _JOINT_RECORDS_MAX
        return few and not self._to_review

    async def _commit(self, output: step.Output, *, with_others: bool = False) -> None:
        with lane_metrics.phase("commit"):
            self.position = await self._writer.write(output, self.position, with_others=with_others)
        hit(Failpoint.GATEWAY_COMMITTED)
        self._next_due_ms = self.state.next_due_ms
        metrics.observe_counts(output.counts)
        self._observe()
        self._on_committed()

    def _has_other_rules(self) -> bool:
        terms, keyring = self._context.terms.current, self._context.keyring
        if self._rules is None or self._ids is not self._partner_topics.ids:
            return True
        return terms is not self._rules[0] or keyring is not self._rules[1]

    def _adopt_rules(self) -> None:
        """Work by the terms, keys and topics of now, and plan to look at every grant."""
        terms, self._ids = self._context.terms.current, self._partner_topics.ids
        places.know(self.position, self._ids)
        left_out = places.left_out(self.position, terms, self._ids)
        rules = (terms, self._context.keyring, left_out)
        former, self._rules = self._rules, rules
        if former != rules:
            self._table = PolicyTable(terms.without(left_out))
            self._to_review = list(range(0, self.state.grants.slots_end, _REVIEW_GRANTS))

    def _take_up(self) -> None:
        """Show anew what was taken back, where there is a topic for it by now."""
        left_out = self._rules[2] if self._rules else ()
        if places.take_up(self.position, left_out, self._ids):
            self._rules = None

    def _observe(self) -> None:
        metrics.observe_partition(
            self.partition,
            len(self.state.people),
            len(self.state.grants),
            self.state.people.nbytes + self.state.grants.nbytes,
        )

    async def _catch_up_on_scores(self) -> None:
        rescored = [self._rescored]
        async for records in self._backlog.unread(topics.SCORES):
            with lane_metrics.phase("apply"):
                output, slots = step.catch_up(self.state, records, self.position, self._context)
            hit(Failpoint.GATEWAY_CAUGHT_UP)
            await self._commit(output)
            rescored.append(slots)
        self._rescored = np.unique(np.concatenate(rescored))

    async def _apply_unread_consents(self) -> None:
        async for records in self._backlog.unread(topics.CONSENTS):
            await self._apply_records({topics.CONSENTS.name: records})
