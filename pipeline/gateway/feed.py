"""Partners' own topics on their way into a lane, read outside the consumer group.

Partners come and go with the registry; were their topics consumed by the group, each change
would stop all lanes for a rebalance. So each lane reads its own partition number of them,
from the position that its transactions keep.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

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
_LOOK_AGAIN_S = 10.0
"""After which topics that could not be followed are looked for again."""
_PASS_MARKS_S = 1.0
_STOP_S = 5.0


def partner_inputs(partner_ids: Iterable[str]) -> list[Topic]:
    """What partners write and the gateway reads, two topics each."""
    return [
        topic
        for partner_id in partner_ids
        for topic in (topics.partner_outcomes(partner_id), topics.partner_enquiries(partner_id))
    ]


class PartnerFeed:
    """Reads one partition number of the followed topics, only what is committed."""

    def __init__(
        self,
        settings: Settings,
        partition: int,
        inlet: Inlet,
        position_of: Callable[[str], int],
    ) -> None:
        """Set up; ``start`` reads.

        Args:
            settings: The gateway's.
            partition: The number to read of every topic.
            inlet: The lane.
            position_of: The first offset of a topic (without prefix) that is not applied.
        """
        self._settings = settings
        self._partition = partition
        self._inlet = inlet
        self._position_of = position_of
        self._followed: dict[str, Topic] = {}
        self._next: dict[str, int] = {}
        self._left_out: dict[str, str] = {}
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
            auto_offset_reset="earliest",
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
        all_found = await self._assign(consumer)
        look_again_at = float("inf") if all_found else time.monotonic() + _LOOK_AGAIN_S
        while not self._changed.is_set() and time.monotonic() < look_again_at:
            if not self._next:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), _LOOK_AGAIN_S)
            elif self._inlet.is_behind:
                await asyncio.sleep(_HELD_BACK_S)
            else:
                self._offer(await self._fetched(consumer))
                await self._pass_marks(consumer)

    async def _fetched(self, consumer: AIOKafkaConsumer) -> dict[TopicPartition, list[Any]]:
        async def take(
            partitions: Collection[TopicPartition], wait_s: float, records_max: int | None
        ) -> dict[TopicPartition, list[Any]]:
            taken: dict[TopicPartition, list[Any]] = await consumer.getmany(
                *partitions, timeout_ms=int(wait_s * 1000), max_records=records_max
            )
            return taken

        return await take_fetched(consumer._fetcher, take, consumer.assignment(), _FETCH_S)  # noqa: SLF001

    async def _assign(self, consumer: AIOKafkaConsumer) -> bool:
        """Have the consumer read what is to be followed; whether all of it can be."""
        followed = dict(self._followed)
        starts = await self._starts(consumer, followed)
        self._next = starts
        if not starts:
            consumer.unsubscribe()
            return not followed
        consumer.assign([self._tp(name) for name in starts])
        for name, offset in starts.items():
            consumer.seek(self._tp(name), offset)
        return len(starts) == len(followed)

    async def _starts(self, consumer: AIOKafkaConsumer, names: Collection[str]) -> dict[str, int]:
        """Where to read on in each topic; topics that cannot be read are told and left out."""
        existing = await consumer.topics()
        tps = {name: self._tp(name) for name in names if self._tp(name).topic in existing}
        wrong = {name: "is missing" for name in names if name not in tps}
        beginnings = await consumer.beginning_offsets(list(tps.values())) if tps else {}
        ends = await consumer.end_offsets(list(tps.values())) if tps else {}
        starts: dict[str, int] = {}
        for name, tp in tps.items():
            following = self._next.get(name, self._position_of(name))
            if following > ends[tp]:
                wrong[name] = f"ends at {ends[tp]}, but {following} offsets of it are applied"
            else:
                starts[name] = max(following, beginnings[tp])
                if following:
                    _count_lost(name, starts[name] - following)
        self._tell(wrong)
        return starts

    def _tell(self, wrong: dict[str, str]) -> None:
        for name, reason in wrong.items():
            if self._left_out.get(name) != reason:
                log.error(
                    "partner's topic is not read",
                    topic=self._settings.topic(name),
                    partition=self._partition,
                    reason=reason,
                )
        self._left_out = wrong

    def _offer(self, fetched: dict[TopicPartition, list[Any]]) -> None:
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
