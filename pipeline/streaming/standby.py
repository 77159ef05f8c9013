"""Warm copies of partitions that others own, so that taking one over reads only what is new.

    changelogs of others' partitions ──► Standby.run ──► a Copy each
                                                           │ take, with the former owner fenced
                                                           ▼
                                            restore reads the changelog on to its end

A copy is never the state: it is where whoever restores begins, once it was held against the
pointer, the topic and its end as they are then. Whatever is doubtful about one, it is dropped.
"""

import asyncio
import time
import zlib
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from uuid import uuid4

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from pipeline import topics
from pipeline.errors import SesameError
from pipeline.settings import Settings
from pipeline.streaming import generations, standby_metrics
from pipeline.streaming.copy import Copy
from pipeline.streaming.follower import Follower
from pipeline.streaming.layouts import UnreadableRowError
from pipeline.streaming.reader import PartitionReader
from pipeline.streaming.store import PartitionStore
from pipeline.streaming.stores.changelogs import Identities
from pipeline.streaming.stores.checkpoint import Changelog, misfit, too_old

log = structlog.get_logger(__name__)

WarmCopy = Copy[PartitionStore]

_LOOK_S = 1.0
_RETRY_S = 1.0
_IDLE_S = 0.2
_NO_END = 1 << 62


class Standby:
    """Follows changelogs beside the lanes, while none of them is restoring."""

    def __init__(self, settings: Settings) -> None:
        """Set up; ``run`` begins."""
        self._settings = settings
        self._reader = PartitionReader(settings)
        self._follower = Follower(settings)
        self._copies: dict[int, WarmCopy] = {}
        self._pointer_ends: dict[int, int] = {}
        self._too_large: dict[int, int] = {}
        self._unreadable: dict[int, str] = {}
        self._identities = Identities(settings)
        self._looked_at = -_LOOK_S
        self._preference = uuid4().bytes

    @property
    def nbytes(self) -> int:
        """Bytes the copies' rows hold."""
        return sum(copy.store.nbytes for copy in self._copies.values())

    async def run(self, owned: Callable[[], AbstractSet[int] | None]) -> None:
        """Follow until cancelled; a broker that does not answer is asked again.

        Args:
            owned: The partitions this worker owns; None while it does not know, or restores.
        """
        try:
            while True:
                try:
                    await self._reader.start()
                    await self._follower.start()
                    while True:
                        await self._follow(owned())
                except (KafkaError, OSError, SesameError) as error:
                    # A pointer that cannot be read is the owner's to end with.
                    log.warning("not following", error=repr(error))
                await asyncio.sleep(_RETRY_S)
        finally:
            await self._follower.stop()
            await self._reader.stop()

    async def take(self, changelog: Changelog) -> WarmCopy | None:
        """The copy of a partition that is owned from now on; None: there is none to go on from.

        Args:
            changelog: The partition's, as it is now that former owners are fenced.

        Raises:
            KafkaConnectionError: No broker says which topic it is. The copy stays.
        """
        if changelog.partition not in self._copies:
            return None
        identity = await self._identities.of(changelog.topic)
        copy = self._copies.get(changelog.partition)
        if copy is None:
            return None
        self._drop(changelog.partition)
        try:
            await copy.settled()
        except asyncio.CancelledError:
            self._copies[changelog.partition] = copy
            raise
        if why := misfit(copy.checkpoint, changelog, identity, _now_ms()):
            log.warning("warm copy is dropped", partition=changelog.partition, reason=why)
            return None
        return copy if copy.next_offset > changelog.start else None

    def give_back(self, copy: WarmCopy) -> None:
        """Follow a copy on that was taken and has not become the state; nothing is applied to it.

        Whoever takes the partition next, this worker or another, it is read on meanwhile.
        """
        people = PartitionStore()
        people.adopt(copy.store)
        copy.store = people
        self._copies[copy.partition] = copy

    async def _follow(self, owned: AbstractSet[int] | None) -> None:
        if owned is None:
            await asyncio.sleep(_IDLE_S)
            return
        for number in self._copies.keys() & owned:
            self._drop(number)
        if time.monotonic() - self._looked_at >= _LOOK_S:
            await self._drop_outdated()
            await self._choose(owned)
            self._looked_at = time.monotonic()
        if self._copies:
            await self._read_on()
        else:
            await asyncio.sleep(_IDLE_S)

    async def _drop_outdated(self) -> None:
        """Drop copies of former generations, and those that may lack what compaction took."""
        ends = await self._reader.ends([topics.GENERATIONS], list(self._copies))
        for (_, number), end in ends.items():
            copy = self._copies.get(number)
            if copy is None:
                continue
            if self._pointer_ends.get(number) != end:
                generation = await generations.pointed(self._reader, number)
                self._pointer_ends[number] = end
                if generation != copy.generation:
                    log.info("generation switched", partition=number, generation=generation)
                    self._drop(number)
            if why := too_old(copy.whole_at_ms, copy.identity, _now_ms()):
                log.warning("warm copy is dropped", partition=number, reason=why)
                self._drop(number)

    async def _choose(self, owned: AbstractSet[int]) -> None:
        """Have a copy of each partition of others, as far as there is room.

        Which ones is not the same for every worker, so that together they may have all.
        """
        wanted = [p for p in range(self._settings.partitions) if p not in owned]
        wanted.sort(key=lambda number: zlib.crc32(self._preference + number.to_bytes(2)))
        room = self._settings.standby_bytes_max
        for number in reversed(wanted):
            copy = self._copies.get(number)
            if copy is not None and self.nbytes > room:
                log.info("no room for a warm copy", partition=number, bytes=copy.store.nbytes)
                self._too_large[number] = copy.store.nbytes
                self._drop(number)
        for number in wanted:
            if number not in self._copies and self.nbytes + self._too_large.get(number, 0) <= room:
                await self._begin(number)

    async def _begin(self, partition: int) -> None:
        try:
            generation = await generations.current(self._reader, partition)
            topic = topics.changelog_of(generation)
            if self._unreadable.get(partition) == topic.name:
                return
        except SesameError as error:
            log.warning("not followed", partition=partition, error=str(error))
            return
        try:
            identity = await self._identities.of(topic)
        except KafkaError as error:
            log.warning("not followed", partition=partition, error=repr(error))
            return
        if why := too_old(_now_ms(), identity, _now_ms()):
            log.warning("not followed", partition=partition, error=why)
            self._unreadable[partition] = topic.name
            return
        start = await self._reader.beginning(topic, partition)
        self._copies[partition] = Copy(
            topic, partition, generation, start, PartitionStore(), identity
        )

    async def _read_on(self) -> None:
        copies = {self._tp(copy): copy for copy in self._copies.values()}
        places = {tp: copy.next_offset for tp, copy in copies.items()}
        try:
            fetched = await self._follower.read(places)
        except OffsetOutOfRangeError as error:
            for tp in error.args[0]:  # cut short, or made anew: it is soon followed from its start
                self._drop(copies[tp].partition)
            return
        for tp, copy in copies.items():
            if self._copies.get(copy.partition) is not copy:
                continue  # taken meanwhile, up to where it stood
            try:
                if batches := fetched.get(tp):
                    await copy.apply(batches, _NO_END)
            except UnreadableRowError as error:
                log.warning("not followed any more", partition=copy.partition, error=str(error))
                self._unreadable[copy.partition] = copy.topic.name
                if self._copies.get(copy.partition) is copy:
                    self._drop(copy.partition)
                continue
            position = await self._follower.position(tp)
            if self._copies.get(copy.partition) is copy:  # or a restore reads it on
                copy.next_offset = max(copy.next_offset, position)
                self._observe(tp, copy)

    def _observe(self, tp: TopicPartition, copy: WarmCopy) -> None:
        told = self._follower.end(tp)
        lag = None if told is None else max(0, told[0] - copy.next_offset)
        if told is not None and lag == 0:
            copy.whole_at_ms = max(copy.whole_at_ms, told[1])
        standby_metrics.observe(copy, lag)

    def _drop(self, partition: int) -> None:
        self._copies.pop(partition, None)
        self._pointer_ends.pop(partition, None)
        standby_metrics.forget_partition(partition)

    def _tp(self, copy: WarmCopy) -> TopicPartition:
        return TopicPartition(self._settings.topic(copy.topic.name), copy.partition)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
