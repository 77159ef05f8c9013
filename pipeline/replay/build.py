"""A partition's state built anew: the journal followed, cut by cut, from its first entry on."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from pipeline import topics
from pipeline.replay.coverage import first_gap
from pipeline.replay.cursor import Cursor
from pipeline.replay.errors import JournalError, NotJournaledError, RecordsGoneError, ReplayError
from pipeline.replay.fold import Change, CutError, ForgottenSchemaError, fold_cut, ranges
from pipeline.replay.source import Source
from pipeline.streaming import journal
from pipeline.streaming.position import Position
from pipeline.streaming.records import Record
from pipeline.streaming.step import StepContext
from pipeline.streaming.store import PartitionStore
from pipeline.topics import Topic

_JOURNALED_S = 5.0
"""How long what the changelog has may be missing in the journal."""
_POLL_S = 0.2

Keep = Callable[[str, Record], bool]
"""Says of a topic's name and a record whether it is folded at all."""


class Build:
    """The state of one partition as far as its journal has been followed.

    ``changed`` and ``erased`` are people since whoever writes them has last looked.
    """

    def __init__(  # noqa: PLR0913 - each is a thing of its own
        self,
        source: Source,
        context: StepContext,
        on_records: Callable[[int], None],
        *,
        inputs: Sequence[Topic] = topics.INPUTS,
        keep: Keep | None = None,
        on_change: Callable[[Position, Change], None] | None = None,
    ) -> None:
        """Begin with nobody.

        Args:
            source: Gives journal and inputs; closed by its owner.
            context: As the live fold has it.
            on_records: Told of records as they are folded.
            inputs: What to fold; the other inputs are left out.
            keep: Which records of them; None: all.
            on_change: Told of what each transaction changed, with the position before it.
        """
        self._source = source
        self._context = context
        self._on_records = on_records
        self._keep = keep
        self._on_change = on_change
        self._topics = inputs
        self._journal_next = 0
        self.store = PartitionStore()
        self.position = Position()
        self.changed: set[str] = set()
        self.erased: set[str] = set()
        self.records = 0
        self.cuts = 0
        self.passed_over = 0

    async def advance(self, until: Position | None = None) -> int:
        """Follow the journal to its end, or to the last transaction at a position.

        Returns:
            How many transactions were folded.

        Raises:
            RecordsGoneError: Records are missing that a transaction had applied.
            JournalError: The journal has a hole or cannot be read, or ``until`` is not in it.
            ReplayError: The registry does not know the schema of an applied record any more.
        """
        ends = await self._source.ends()
        inputs = await self._inputs(ends)
        before = self.cuts
        async with aclosing(self._entries(ends[topics.JOURNAL.name])) as entries:
            async for offset, entry in entries:
                if until is not None and self.position == until and entry.position != until:
                    break
                await self._fold(entry, inputs)
                self._journal_next = offset + 1
                # Thousands of cuts come in one fetch, and requests under way would time out.
                await asyncio.sleep(0)
        if until is not None and self.position != until:
            why = f"the state's position {until} is not in it"
            raise NotJournaledError(self._source.partition, why)
        self.passed_over += sum(cursor.passed_over for _, cursor in inputs.values())
        return self.cuts - before

    async def reach(self, until: Position) -> None:
        """Follow the journal to the last transaction at a position that is committed.

        A transaction's end is written topic by topic: the changelog's may be seen before
        the journal's.

        Raises:
            ReplayError: As `advance`.
        """
        deadline = time.monotonic() + _JOURNALED_S
        while True:
            try:
                await self.advance(until)
            except NotJournaledError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(_POLL_S)
            else:
                return

    async def _inputs(self, ends: dict[str, int]) -> dict[str, tuple[list[range], Cursor]]:
        """What can be read of each input from where it is applied, and the way through it."""
        found = {}
        for topic in self._topics:
            start, end = self.position.next_offset(topic.name), ends[topic.name]
            spans = await self._source.spans(topic, end)
            cursor = Cursor(self._source.read(topic, start, end), self._kept(topic.name))
            found[topic.name] = (spans, cursor)
        return found

    def _kept(self, name: str) -> Callable[[Record], bool] | None:
        keep = self._keep
        return None if keep is None else lambda record: keep(name, record)

    async def _entries(self, end: int) -> AsyncGenerator[tuple[int, journal.Entry]]:
        needed = range(self._journal_next, end)
        gap = first_gap(await self._source.spans(topics.JOURNAL, end), needed)
        if gap is not None:
            raise RecordsGoneError(topics.JOURNAL.name, self._source.partition, *gap)
        async for records in self._source.read(topics.JOURNAL, needed.start, end):
            for record in records:
                yield record.offset, self._entry(record)

    def _entry(self, record: Record) -> journal.Entry:
        try:
            return journal.decode(record.value or b"")
        except (ValueError, LookupError, TypeError) as error:
            why = f"its record {record.offset} cannot be read: {error}"
            raise JournalError(self._source.partition, why) from error

    async def _fold(
        self, entry: journal.Entry, inputs: dict[str, tuple[list[range], Cursor]]
    ) -> None:
        try:
            cut = ranges(self.position, entry)
        except CutError as error:
            raise JournalError(self._source.partition, str(error)) from error
        records: dict[str, Sequence[Record]] = {}
        for name, (spans, cursor) in inputs.items():
            span = cut.get(name)
            if span is None:
                continue
            gap = first_gap(spans, span)
            if gap is not None:
                raise RecordsGoneError(name, self._source.partition, *gap)
            if taken := await cursor.take(span.stop):
                records[name] = taken
        self._apply(entry, records)
        self.position = entry.position
        self.cuts += 1
        if count := sum(map(len, records.values())):
            self.records += count
            self._on_records(count)

    def _apply(self, entry: journal.Entry, records: dict[str, Sequence[Record]]) -> None:
        try:
            change = fold_cut(self.store, self.position, entry, records, self._context)
        except ForgottenSchemaError as error:
            raise ReplayError(f"partition {self._source.partition}: {error}") from error
        if self._on_change is not None:
            self._on_change(self.position, change)
        self.erased.update(change.erased)
        self.changed.difference_update(change.erased)
        self.changed.update(change.changed)
