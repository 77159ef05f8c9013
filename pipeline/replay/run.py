"""A replay of all partitions, one after the other."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from aiokafka.errors import KafkaError

from pipeline import topics
from pipeline.access import replay_id
from pipeline.archive.archive import Archive, open_archive
from pipeline.errors import SesameError
from pipeline.replay import changelogs
from pipeline.replay.build import Build
from pipeline.replay.compare import Comparison, compare, is_swept
from pipeline.replay.erased import keep_unerased
from pipeline.replay.live import LiveState
from pipeline.replay.source import NEEDED, Source
from pipeline.replay.switch import NewGeneration
from pipeline.settings import Settings
from pipeline.streaming import generations
from pipeline.streaming.position import Position
from pipeline.streaming.reader import PartitionReader
from pipeline.streaming.step import StepContext
from pipeline.streaming.topic_check import check_topics, topic_ids
from pipeline.streaming.transaction import TransactionalWriter, id_of

_SWEPT_S = 10.0
"""How long a comparison waits for a sweep under way."""
_POLL_S = 0.2


class Progress(Protocol):
    """Where a replay tells how far it is."""

    def begin(self, partition: int, records: int) -> None:
        """A partition begins, which has about so many records to fold."""

    def advance(self, records: int) -> None:
        """So many more are folded."""


@dataclass(slots=True)
class Replayed:
    """What a replay did; ``comparison`` is None where it switched over."""

    partitions: int = 0
    people: int = 0
    records: int = 0
    passed_over: int = 0
    """Records of the archive about people who were erased after them."""
    transactions: int = 0
    seconds: float = 0.0
    generation: int | None = None
    told: int = 0
    """Score records that the new state led to."""
    deleted: list[str] = field(default_factory=list)
    comparison: Comparison | None = None

    def add(self, build: Build) -> None:
        """Count a partition."""
        self.partitions += 1
        self.people += len(build.store)
        self.records += build.records
        self.transactions += build.cuts
        self.passed_over += build.passed_over


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay needs to know; ``context`` gives a partition's."""

    settings: Settings
    context: Callable[[int], StepContext]
    archive: Path | None
    progress: Progress

    def compare(self) -> Replayed:
        """Build everything anew and compare it with the live state; nothing is written.

        Raises:
            SesameError: It cannot be built anew; the message says why.
        """
        return self._run(self._compare_all)

    def switch_over(self, *, keep_old: bool) -> Replayed:
        """Build everything anew and put it in the place of the live state.

        Partitions are switched over one by one, each in one transaction. Of two replays the one
        that began later goes on, and the other ends: one that was killed is in nobody's way.

        Raises:
            SesameError: It cannot be built anew, or not all partitions were switched over.
        """
        replayed = self._run(self._switch_all)
        if not keep_old and replayed.generation is not None:
            gone = changelogs.delete_before(self.settings, replayed.generation)
            replayed.deleted = [topics.changelog_of(number).name for number in gone]
        return replayed

    def _run(self, work: Callable[[Replayed], Coroutine[Any, Any, None]]) -> Replayed:
        check_topics(self.settings, [*NEEDED, topics.GENERATIONS, topics.CHANGELOG, topics.SCORES])
        if archive := self._archive():
            archive.check_topics(topic_ids(self.settings, NEEDED))
        replayed = Replayed()
        started = time.monotonic()
        try:
            asyncio.run(work(replayed))
        except KafkaError as error:
            raise SesameError(
                f"the broker failed us: {error!r}; a replay can be begun again"
            ) from error
        replayed.seconds = time.monotonic() - started
        return replayed

    async def _compare_all(self, replayed: Replayed) -> None:
        replayed.comparison = Comparison()
        await self._check_beginnings()
        for partition in range(self.settings.partitions):
            async with self._partition(partition) as (build, live, _):
                await _until_swept(live)
                position = live.position or Position()
                # A state that cannot be read is compared with the newest there is.
                if live.unreadable:
                    await build.advance()
                else:
                    await build.reach(position)
                context = self.context(partition)
                found = compare(live.store, build.store, build.position, context.model, partition)
                found.unreadable = live.unreadable
                replayed.comparison.add(found)
                replayed.add(build)

    async def _switch_all(self, replayed: Replayed) -> None:
        await self._check_beginnings()
        writer = TransactionalWriter(self.settings, id_of(replay_id(self.settings), 0))
        await writer.start()
        try:
            now = await self._generations()
            generation = await asyncio.to_thread(changelogs.make_next, self.settings, now)
            for partition in range(self.settings.partitions):
                async with self._partition(partition) as (build, live, reader):
                    context = self.context(partition)
                    new = NewGeneration(self.settings, context, reader, build, live, generation)
                    replayed.told += await new.run(writer)
                    replayed.add(build)
            replayed.generation = generation
        finally:
            await writer.stop()

    async def _check_beginnings(self) -> None:
        """Everything is looked at before anything is done."""
        for partition in range(self.settings.partitions):
            source = Source(self.settings, partition, self._archive())
            try:
                await source.check_beginnings()
            finally:
                await source.stop()

    async def _generations(self) -> set[int]:
        reader = PartitionReader(self.settings)
        await reader.start()
        try:
            numbers = range(self.settings.partitions)
            return {await generations.pointed(reader, number) for number in numbers}
        finally:
            await reader.stop()

    @asynccontextmanager
    async def _partition(
        self, partition: int
    ) -> AsyncIterator[tuple[Build, LiveState, PartitionReader]]:
        """A partition's build, which has not begun, and its live state."""
        context, archive = self.context(partition), self._archive()
        source = Source(self.settings, partition, archive)
        reader = PartitionReader(self.settings)
        await reader.start()
        try:
            ends = await source.ends()
            self.progress.begin(partition, sum(ends[topic.name] for topic in topics.INPUTS))
            keep = await keep_unerased(source, context) if archive else None
            build = Build(source, context, self.progress.advance, keep=keep)
            live = LiveState(reader, partition, await generations.pointed(reader, partition))
            yield build, live, reader
        finally:
            await reader.stop()
            await source.stop()

    def _archive(self) -> Archive | None:
        return None if self.archive is None else open_archive(self.archive, self.settings)


async def _until_swept(live: LiveState) -> None:
    """Read the live state, if it can be in a moment between two sweeps."""
    deadline = time.monotonic() + _SWEPT_S
    await live.advance()
    while live.position and not is_swept(live.position, live.store) and time.monotonic() < deadline:
        await asyncio.sleep(_POLL_S)
        await live.advance()
