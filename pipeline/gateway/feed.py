"""Partners' own topics on their way into a lane, read outside the consumer group.

Partners come and go with the registry; were their topics consumed by the group, each change
would stop all lanes for a rebalance. So each lane reads its own partition number of them,
from the position that its transactions keep.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from pipeline import topics
from pipeline.gateway import metrics
from pipeline.kafka import aiokafka_config
from pipeline.settings import Settings
from pipeline.streaming.bounded import bound_fetches, take_fetched
from pipeline.streaming.flow import Inlet
from pipeline.topics import Topic

log = structlog.get_logger(__name__)

_FETCH_BYTES = 1024 * 1024
"""Of one topic in one fetch: there may be hundreds of them."""
_FETCH_S = 0.2
_HELD_BACK_S = 0.02
_RETRY_S = 1.0
_CUT_SHORT_S = 10.0
"""After which a topic that ends before the position is believed to be cut short."""
_PASS_MARKS_S = 1.0
_STOP_S = 5.0


def partner_inputs(partner_ids: Iterable[str]) -> list[Topic]:
    """What partners write and the gateway reads, two topics each."""
    return [
        topic
        for partner_id in partner_ids
        for topic in (topics.partner_outcomes(partner_id), topics.partner_enquiries(partner_id))
    ]


class Place(Protocol):
    """What is kept, in a lane's position, of the topics it is fed with."""

    def next_offset(self, topic: str) -> int:
        """The first offset of a topic (without prefix) that is not applied."""

    def topic_id(self, topic: str) -> str | None:
        """The id of the topic that the offset is of; None if it is not known."""

    def begin_anew(self, topic: str, topic_id: str, offset: int) -> None:
        """Soon take another topic of the same name, or a shortened one, up at an offset."""


class PartnerFeed:
    """Reads one partition number of the followed topics, only what is committed."""

    def __init__(
        self,
        settings: Settings,
        partition: int,
        inlet: Inlet,
        place: Place,
        ids: Callable[[], Mapping[str, str]],
    ) -> None:
        """Set up; ``start`` reads.

        Args:
            settings: The gateway's.
            partition: The number to read of every topic.
            inlet: The lane.
            place: Where to begin.
            ids: Of the topics that are there, by name without prefix; another object if one
                has changed.
        """
        self._settings = settings
        self._partition = partition
        self._inlet = inlet
        self._place = place
        self._ids = ids
        self._followed: dict[str, Topic] = {}
        self._next: dict[str, int] = {}
        self._short_since: dict[str, float] = {}
        self._asked: dict[str, tuple[str, int]] = {}
        self._pass_marks_at = 0.0
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def next_offset(self, name: str) -> int | None:
        """The next offset that will be read of a topic; None while it is not followed."""
        return self._next.get(name)

    async def start(self, followed: Sequence[Topic]) -> None:
        """Begin at the position; connecting, and any trouble with it, is left to a task."""
        await self.stop()
        self.follow(followed)
        self._task = asyncio.create_task(self._run(), name=f"feed-{self._partition}")

    def follow(self, followed: Sequence[Topic]) -> None:
        """Read these topics and no others from now on."""
        by_name = {topic.name: topic for topic in followed}
        if by_name != self._followed:
            self._followed = by_name
            self._changed.set()

    async def stop(self) -> None:
        """Offer nothing more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task], timeout=_STOP_S)
        self._next.clear()

    async def _run(self) -> None:
        try:
            while True:
                try:
                    await self._read()
                except (KafkaError, OSError) as error:
                    log.warning("feed broken off", partition=self._partition, error=repr(error))
                await asyncio.sleep(_RETRY_S)
        except Exception as error:  # noqa: BLE001 - whatever it is, the worker must end with it
            self._inlet.fail(error)

    async def _read(self) -> None:
        """Read until something breaks; what was offered is not read again."""
        bound_fetches(self._settings)
        consumer = AIOKafkaConsumer(
            **aiokafka_config(self._settings),
            isolation_level="read_committed",
            enable_auto_commit=False,
            # What is gone, and what is made anew, is told before anything is read of it.
            auto_offset_reset="none",
            max_partition_fetch_bytes=_FETCH_BYTES,
        )
        try:
            await consumer.start()
            while True:
                await self._read_until_changed(consumer)
        finally:
            with contextlib.suppress(KafkaError, OSError):
                await consumer.stop()

    async def _read_until_changed(self, consumer: AIOKafkaConsumer) -> None:
        self._changed.clear()
        ids = self._ids()
        look_again_at = time.monotonic() + await self._assign(consumer, ids)
        while not self._changed.is_set() and time.monotonic() < look_again_at:
            if self._ids() is not ids:
                return
            if not self._next:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), _RETRY_S)
            elif self._inlet.is_behind:
                await asyncio.sleep(_HELD_BACK_S)
            else:
                try:
                    self._offer(await self._fetched(consumer))
                except OffsetOutOfRangeError:
                    return
                await self._pass_marks(consumer)

    async def _fetched(self, consumer: AIOKafkaConsumer) -> dict[TopicPartition, Sequence[Any]]:
        async def take(
            partitions: Collection[TopicPartition], wait_s: float, records_max: int | None
        ) -> dict[TopicPartition, Sequence[Any]]:
            taken: dict[TopicPartition, Sequence[Any]] = await consumer.getmany(
                *partitions, timeout_ms=int(wait_s * 1000), max_records=records_max
            )
            return taken

        return await take_fetched(consumer._fetcher, take, consumer.assignment(), _FETCH_S)  # noqa: SLF001

    async def _assign(self, consumer: AIOKafkaConsumer, ids: Mapping[str, str]) -> float:
        """Have the consumer read what is to be followed; after how many seconds to look again."""
        there = {name: ids[name] for name in self._followed if name in ids}
        starts = await self._starts(consumer, there)
        self._next = starts
        if starts:
            consumer.assign([self._tp(name) for name in starts])
            for name, offset in starts.items():
                consumer.seek(self._tp(name), offset)
        else:
            consumer.unsubscribe()
        return float("inf") if len(starts) == len(there) else _RETRY_S

    async def _starts(self, consumer: AIOKafkaConsumer, ids: Mapping[str, str]) -> dict[str, int]:
        """Where to read on in each topic; those that are to begin anew are left out until then."""
        tps = {name: self._tp(name) for name in ids}
        beginnings = await consumer.beginning_offsets(list(tps.values())) if tps else {}
        ends = await consumer.end_offsets(list(tps.values())) if tps else {}
        starts: dict[str, int] = {}
        for name, tp in tps.items():
            following = self._next.get(name, self._place.next_offset(name))
            is_same = self._place.topic_id(name) in (ids[name], None)
            if is_same and following <= ends[tp]:
                starts[name] = max(following, beginnings[tp])
                if following:
                    _count_lost(name, starts[name] - following)
            elif not (is_same and self._may_be_another(name)) and not self._inlet.pending(name):
                # What was fetched before is applied by now.
                if following:
                    log.error(
                        "partner's topic is another, or was cut short",
                        topic=tp.topic,
                        partition=self._partition,
                        applied=following,
                        end=ends[tp],
                    )
                # What was read of it ahead is not applied, and is read again.
                self._next.pop(name, None)
                self._ask(name, ids[name], ends[tp] if is_same else 0)
        self._short_since = {n: at for n, at in self._short_since.items() if n not in starts}
        self._asked = {n: asked for n, asked in self._asked.items() if n not in starts}
        return starts

    def _ask(self, name: str, topic_id: str, offset: int) -> None:
        """Ask for a topic to begin anew, at the offset first asked for until that is done."""
        former_id, first = self._asked.get(name, ("", 0))
        if former_id != topic_id or first > offset:
            # A later end would skip what was written meanwhile.
            self._asked[name] = topic_id, offset
        self._place.begin_anew(name, *self._asked[name])
        self._inlet.wake()

    def _may_be_another(self, name: str) -> bool:
        """Whether a topic that seems to be cut short may be another, whose id is not known yet."""
        since = self._short_since.setdefault(name, time.monotonic())
        return time.monotonic() < since + _CUT_SHORT_S

    def _offer(self, fetched: dict[TopicPartition, Sequence[Any]]) -> None:
        for tp, records in fetched.items():
            name = tp.topic.removeprefix(self._settings.topic_prefix)
            if records and name in self._followed:
                self._inlet.offer(name, records, _nothing)
                self._next[name] = records[-1].offset + 1

    async def _pass_marks(self, consumer: AIOKafkaConsumer) -> None:
        """Know of offsets that no record has: to the lag watch they would look unread."""
        now = time.monotonic()
        if now >= self._pass_marks_at:
            self._pass_marks_at = now + _PASS_MARKS_S
            for name in self._next:
                self._next[name] = await consumer.position(self._tp(name))

    def _tp(self, name: str) -> TopicPartition:
        return TopicPartition(self._settings.topic(name), self._partition)


def _count_lost(name: str, offsets: int) -> None:
    if offsets > 0:
        log.error("records were gone before they were read", topic=name, offsets=offsets)
        metrics.FEED_LOST.labels(name).inc(offsets)


def _nothing() -> None:
    """The position tells what is applied; nobody else has to know."""
