import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from pipeline import topics
from pipeline.archive.files import ArchivedRecord
from pipeline.codec.registry import FileRegistry
from pipeline.factors.fold import Policy
from pipeline.replay import build
from pipeline.replay.errors import JournalError
from pipeline.replay.source import Source
from pipeline.scoring.model import load_model
from pipeline.settings import Settings
from pipeline.streaming import journal
from pipeline.streaming.position import Position
from pipeline.streaming.records import Record
from pipeline.streaming.step import StepContext
from pipeline.topics import Topic

CONTEXT = StepContext(FileRegistry(), load_model("default@1"), Policy(), 0, 1, "")
EARLIER, LATER = Position(swept_month=1), Position(swept_month=2)


class SlowJournal(Source):
    """Has nothing but a journal, whose end is seen to move only when it is asked for again."""

    def __init__(self, *positions: Position) -> None:
        super().__init__(Settings(), 0, None)
        self.entries = [journal.encode(journal.Kind.SWEEP, p.encode()) for p in positions]
        self.end = 0

    async def ends(self) -> dict[str, int]:
        self.end = min(self.end + 1, len(self.entries))
        return {topics.JOURNAL.name: self.end}

    async def spans(self, topic: Topic, end: int) -> list[range]:  # noqa: ARG002 - as it is called
        return [range(end)]

    async def read(
        self,
        topic: Topic,  # noqa: ARG002 - as it is called
        start: int,
        end: int,
    ) -> AsyncIterator[Sequence[Record]]:
        yield [ArchivedRecord(n, 0, b"p", self.entries[n], ()) for n in range(start, end)]


def reached(*positions: Position) -> Position:
    built = build.Build(SlowJournal(*positions), CONTEXT, lambda _: None, inputs=())
    asyncio.run(built.reach(LATER))
    return built.position


def test_a_position_is_waited_for_that_the_journal_shows_later_than_the_changelog() -> None:
    assert reached(EARLIER, LATER) == LATER


def test_a_position_that_the_journal_never_shows_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "_JOURNALED_S", 0.5)
    with pytest.raises(JournalError, match="is not in it"):
        reached(EARLIER)


def test_requests_under_way_have_their_turn_after_every_transaction() -> None:
    folded = [Position(swept_month=month) for month in range(1, 200)]
    journal_of_all = SlowJournal(*folded)
    journal_of_all.end = len(folded)
    turns: list[int] = []

    async def take_turns(built: build.Build) -> None:
        while True:
            turns.append(built.cuts)
            await asyncio.sleep(0)

    async def advance() -> None:
        built = build.Build(journal_of_all, CONTEXT, lambda _: None, inputs=())
        other = asyncio.create_task(take_turns(built))
        await built.advance()
        other.cancel()

    asyncio.run(advance())
    assert set(turns) >= set(range(1, len(folded)))
