"""A partition's new state written beside the live one, and put in its place.

    rows ──► the new changelog         in transactions of the replay's own
    fence the lane ──► the journal is final ──► fold the rest
        ──► last rows, position, pointer, journal entry     in one transaction of the lane's id
    score everybody again              as the lane's owner, until the lane takes over

Before that one transaction the live state is untouched; after it there is no other.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice

import structlog

from pipeline import topics
from pipeline.factors.state import BatchState
from pipeline.failpoints import Failpoint, hit
from pipeline.replay.build import Build
from pipeline.replay.carry import carry
from pipeline.replay.errors import JournalError, ReplayError
from pipeline.replay.live import LiveState, ToldScores
from pipeline.settings import Settings
from pipeline.streaming import changelog, generations, journal
from pipeline.streaming.flow import Send
from pipeline.streaming.joint import fence, read_to_the_end
from pipeline.streaming.owned import OwnedPartition
from pipeline.streaming.position import Position
from pipeline.streaming.reader import PartitionReader
from pipeline.streaming.records import Entry
from pipeline.streaming.restore import Restored
from pipeline.streaming.step import StepContext
from pipeline.streaming.store import PartitionStore
from pipeline.streaming.transaction import FencedError, TransactionalWriter, id_of

_PEOPLE_MAX = 10_000
"""Looked at at once."""
_ENTRIES_MAX = 20_000
"""Written in one transaction."""
_CLOSE_CUTS = 50
"""Transactions the lane may be ahead by when it is fenced: it waits while they are folded."""
_CATCH_UPS_MAX = 20
_ATTEMPTS_MAX = 5
log = structlog.get_logger(__name__)


class NewGeneration:
    """One partition's way from a build to its state; readers are closed by their owner."""

    def __init__(  # noqa: PLR0913 - each is a thing of its own
        self,
        settings: Settings,
        context: StepContext,
        reader: PartitionReader,
        build: Build,
        live: LiveState,
        generation: int,
    ) -> None:
        """Set up; nothing is written yet.

        Args:
            settings: Say where the topics are.
            context: As the lane has it.
            reader: Started; for everything but the inputs.
            build: What becomes the state.
            live: The state now.
            generation: The new one's number; its changelog is there.
        """
        self._settings = settings
        self._context = context
        self._reader = reader
        self._build = build
        self._live = live
        self._told = ToldScores(reader, context.partition, context.registry)
        self._changelog = topics.changelog_of(generation)
        self._generation = generation
        self._former = topics.generation_of(live.changelog.name)
        self._written: set[str] = set()
        self._unwritten: list[Entry] = []

    async def run(self, writer: TransactionalWriter) -> int:
        """Build, write and switch over; how many people were told another score.

        Args:
            writer: The replay's own, started: it fences all replays that began before.

        Raises:
            ReplayError: The partition is as it was; the message says why.
            KafkaError: The broker failed us; the partition has one of the two states.
        """
        try:
            await self._catch_up(writer)
            for _ in range(_ATTEMPTS_MAX):
                try:
                    return await self._switch_over()
                except FencedError:
                    log.info("the lane was quicker", partition=self._context.partition)
                await self._catch_up(writer)
        except FencedError as error:
            raise ReplayError("another replay has begun after this one, which ends") from error
        raise ReplayError(
            f"partition {self._context.partition} could not be switched over: its lane took it "
            f"back {_ATTEMPTS_MAX} times; try again when there is less to do"
        )

    async def _catch_up(self, writer: TransactionalWriter) -> None:
        """Follow the lane, and write what is new, until little is left."""
        for _ in range(_CATCH_UPS_MAX):
            cuts = await self._build.advance()
            hit(Failpoint.REPLAY_FOLDED)
            news = _entries(self._build.store, await self._news())
            # At least the position: nothing is written where another replay has begun.
            last = (changelog.POSITION_KEY, self._build.position.encode())
            entries = chain(self._unwritten, news, [last])
            while chunk := list(islice(entries, _ENTRIES_MAX)):
                await writer.write([self._to(self._changelog, chunk)])
                hit(Failpoint.REPLAY_WRITTEN)
            self._unwritten = []
            if cuts <= _CLOSE_CUTS:
                return

    async def _switch_over(self) -> int:
        owner = id_of(self._settings.app_id, self._context.partition)
        lane = TransactionalWriter(self._settings, owner)
        await lane.start()
        hit(Failpoint.SWITCH_FENCED)
        try:
            await self._fence_joint()
            await self._check_pointer()
            await self._build.advance()
            position = self._build.position.copy()
            # Everybody is scored again by whoever owns the state next, should we not live so long.
            position.swept_month = 0
            position.transactional_id = ""
            self._unwritten += _entries(self._build.store, await self._news())
            self._check_position()
            hit(Failpoint.SWITCH_FOLDED)
            await lane.write(self._last_sends(position))
            hit(Failpoint.SWITCH_COMMITTED)
            self._build.position = position
            return await self._score_all(lane)
        finally:
            await lane.stop()

    async def _news(self) -> "_News":
        """What the new changelog lacks; what was published meanwhile is carried over."""
        build, live, told = self._build, self._live, self._told
        await live.advance()
        await told.advance()
        if self._written:
            users: Iterable[str] = build.changed | live.touched | told.touched
        else:
            users = chain.from_iterable(build.store.chunks(_PEOPLE_MAX))
        changed = build.changed | set(carry(build.store, live.store, told.latest, users))
        gone = {user for user in build.erased & self._written if user not in build.store}
        news = _News(sorted(changed), self._written & changed, sorted(gone))
        self._written |= changed
        for seen in (build.changed, build.erased, live.touched, told.touched):
            seen.clear()
        return news

    async def _fence_joint(self) -> None:
        """Fence who may write beside the lane, too; other lanes of that worker restore then."""
        live = self._live
        await live.advance()
        await read_to_the_end(
            partial(fence, self._settings),
            # Of a position that cannot be read the journal has another copy.
            lambda: (live.position or self._build.position).transactional_id,
            live.advance,
        )

    async def _check_pointer(self) -> None:
        """The lane is fenced: whoever switched over before has done so for good."""
        now = await generations.pointed(self._reader, self._context.partition)
        if now != self._former or now >= self._generation:
            raise ReplayError(
                f"partition {self._context.partition} is in generation {now} now, and was in "
                f"{self._former}: another replay has switched it over"
            )

    def _check_position(self) -> None:
        live, build = self._live, self._build
        if not live.unreadable and (live.position or Position()) != build.position:
            raise JournalError(
                self._context.partition,
                f"it ends at {build.position}, and the state is at {live.position}",
            )

    def _last_sends(self, position: Position) -> Iterator[Send]:
        encoded = position.encode()
        pointer = generations.pointer(self._context.partition, self._generation)
        entry = journal.encode(journal.Kind.SWITCH, encoded)
        unknown = [
            (user.encode(), None)
            for user, last in self._told.latest.items()
            if last is not None and user not in self._build.store
        ]
        yield self._to(self._changelog, [*self._unwritten, (changelog.POSITION_KEY, encoded)])
        yield self._to(topics.GENERATIONS, [pointer])
        yield self._to(topics.JOURNAL, [(journal.KEY, entry)])
        yield self._to(topics.SCORES, unknown)

    async def _score_all(self, lane: TransactionalWriter) -> int:
        """Publish what the new state says otherwise; how many people were told.

        What is left of it is scored by the lane, which finds nobody swept.
        """
        partition = self._context.partition
        try:
            await self._score(lane)
            await self._told.advance()
        except Exception as error:  # noqa: BLE001 - whatever it is, the state is switched over
            log.warning("scoring is left to the lane", partition=partition, error=repr(error))
        return len(self._told.touched)

    async def _score(self, lane: TransactionalWriter) -> None:
        """Score everybody as the partition's owner, for as long as that is us."""
        restored = Restored(self._build.store, self._build.position, self._generation)
        owned = OwnedPartition(self._context, lane, self._reader, restored, lambda: None)
        try:
            await owned.begin()
            while owned.has_work:
                await owned.work()
            hit(Failpoint.SWITCH_SCORED)
        except FencedError:
            log.info("the lane goes on scoring", partition=self._context.partition)

    def _to(self, topic: topics.Topic, entries: Sequence[Entry]) -> Send:
        return Send(topic, self._context.partition, ((key, value, ()) for key, value in entries))


@dataclass(frozen=True, slots=True)
class _News:
    """People whose rows are to be written, those of them written before, and people to remove."""

    changed: list[str]
    known: set[str]
    gone: list[str]


def _entries(store: PartitionStore, news: _News) -> Iterator[Entry]:
    """The changelog's records of news."""
    for user in news.gone:
        yield from changelog.tombstones(user)
    for start in range(0, len(news.changed), _PEOPLE_MAX):
        state = store.gather(news.changed[start : start + _PEOPLE_MAX])
        nobody = BatchState.empty(state.users)
        yield from changelog.entries(nobody, state, range(len(state.users)))
        for i, user in enumerate(state.users):
            # A list that was written and is empty now has no record of its own.
            if user in news.known and not state.contracts[i]:
                yield changelog.CONTRACTS + user.encode(), None
            if user in news.known and not state.links[i]:
                yield changelog.LINKS + user.encode(), None
