"""Sends chosen dead letters back to the topics they came from, each at most once, ever."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

from kafka.partitioner.default import murmur2

from pipeline import topics
from pipeline.codec.murmur import partition_of
from pipeline.codec.registry import SchemaRegistry
from pipeline.deadletters.choice import Choice
from pipeline.deadletters.letter import Letter, read_letter
from pipeline.deadletters.marks import Mark, Redriven
from pipeline.deadletters.policy import Outgoing, Ruling, Verdict, judge, outgoing
from pipeline.deadletters.sender import Departure, RedriveSender, RefusedByBrokerError
from pipeline.errors import SesameError
from pipeline.reading import LogReader, open_reader
from pipeline.settings import Settings

BATCH_LETTERS_MAX = 500
BATCH_BYTES_MAX = 4 * 1024 * 1024
"""Of values held and sent in one transaction."""
FORGOTTEN_MAX = 1_000
"""Marks of expired letters that are removed in one transaction."""
TOLD_MAX = 100
"""Letters that are told one by one; the others are counted."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for; ``limit`` None sends all that is chosen.

    ``fix`` gives the record to send instead of a letter's own; ``force`` sends also what is
    likely to come back.
    """

    choice: Choice
    force: bool = False
    limit: int | None = None
    fix: Callable[[Outgoing], Outgoing] | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What was done with one letter; ``mark`` is there when it was sent now."""

    letter: Letter
    verdict: Verdict
    mark: Mark | None = None


@dataclass(slots=True)
class Tally:
    """What was done with all letters; ``stopped`` says why some were not come to."""

    rulings: Counter[Ruling] = field(default_factory=Counter)
    told: list[Told] = field(default_factory=list)
    stopped: str | None = None

    @property
    def redriven(self) -> int:
        """How many letters were sent, or would be."""
        return self.rulings[Ruling.REDRIVE]

    def add(self, letter: Letter, verdict: Verdict, mark: Mark | None = None) -> None:
        """Count a letter."""
        self.rulings[verdict.ruling] += 1
        if len(self.told) < TOLD_MAX:
            self.told.append(Told(letter, verdict, mark))


def redrive(settings: Settings, registry: SchemaRegistry, order: Order, *, send: bool) -> Tally:
    """Send the chosen letters back, partition by partition in their order.

    Args:
        settings: Where Kafka is.
        registry: Knows the values' schemas.
        order: What is asked for.
        send: Whether to send; else only what would be done is told.

    Raises:
        KafkaUnreachableError: No broker answers.
        RegistryError: The registry cannot answer.
        SesameError: A topic is missing, or no fixed record can go in the letter's place.
    """
    tally = Tally()
    with ExitStack() as stack:
        letters = stack.enter_context(open_reader(settings))
        marks = stack.enter_context(open_reader(settings))
        marks.require(topics.DEAD_LETTER_REDRIVES)
        run = _Run(settings, registry, order, letters, marks, tally)
        # Fixed before anything is sent: what comes back at once is not met again.
        spans = {
            partition: letters.held(topics.DEAD_LETTERS, partition)
            for partition in letters.require(topics.DEAD_LETTERS)
        }
        for partition, held in spans.items():
            if run.is_done:
                break
            run.work(partition, held, send=send)
    return tally


@dataclass(slots=True)
class _Run:
    """One redrive on its way through the partitions."""

    settings: Settings
    registry: SchemaRegistry
    order: Order
    letters: LogReader
    marks: LogReader
    tally: Tally
    partitions: dict[str, int] = field(default_factory=dict)

    @property
    def is_done(self) -> bool:
        limit = self.order.limit
        reached = limit is not None and self.tally.redriven >= limit
        return reached or self.tally.stopped is not None

    def work(self, partition: int, held: range, *, send: bool) -> None:
        """Take one partition's chosen letters, whose marks are read once the first is found."""
        batch: _Batch | None = None
        for letter in self._chosen(partition, held):
            if batch is None:
                # Others are fenced first, so that no mark is added behind the ones read here.
                sender = RedriveSender(self.settings, partition) if send else None
                redriven = Redriven(self.marks, partition)
                forget = redriven.before(held.start)[:FORGOTTEN_MAX]
                batch = _Batch(self.tally, sender, forget)
            self._take(letter, redriven, batch)
            if self._is_full(batch):
                batch.end()
            if self.is_done:
                return
        if batch is not None:
            batch.end()

    def _chosen(self, partition: int, held: range) -> Iterator[Letter]:
        choice = self.order.choice
        span = choice.span(partition, held)
        for record in self.letters.read(topics.DEAD_LETTERS, partition, span):
            letter = read_letter(record)
            if choice.admits(letter):
                yield letter

    def _take(self, letter: Letter, redriven: Redriven, batch: "_Batch") -> None:
        departure = self._departure(letter, redriven)
        if isinstance(departure, Verdict):
            self.tally.add(letter, departure)
        else:
            batch.add(departure)

    def _departure(self, letter: Letter, redriven: Redriven) -> Departure | Verdict:
        record = outgoing(letter, self.settings.topic_prefix)
        if isinstance(record, Verdict):
            return record
        if letter in redriven:
            return Verdict(Ruling.REDRIVEN, "it was redriven before")
        if self.order.fix is not None:
            record = self.order.fix(record)
        verdict = judge(record, self.registry, _now_ms(), force=self.order.force)
        if verdict.ruling is not Ruling.REDRIVE:
            return verdict
        return self._placed(record)

    def _placed(self, record: Outgoing) -> Departure | Verdict:
        """Where a record goes: where it was, unless it has another key now."""
        name = record.topic.name
        if name not in self.partitions:
            self.partitions[name] = len(self.letters.partitions(record.topic))
        known = self.partitions[name]
        partition = record.partition
        if partition is None and known:
            partition = partition_of(murmur2(record.key), known)
        if partition is None or partition >= known:
            where = f"{record.letter.topic} has no partition {record.letter.partition} now"
            return Verdict(Ruling.NOT_AN_INPUT, where)
        return Departure(record, partition, self.order.force)

    def _is_full(self, batch: "_Batch") -> bool:
        limit = self.order.limit
        return (
            len(batch.departures) >= BATCH_LETTERS_MAX
            or batch.value_bytes >= BATCH_BYTES_MAX
            or (limit is not None and self.tally.redriven + len(batch.departures) >= limit)
        )


@dataclass(slots=True)
class _Batch:
    """What goes into the next transaction of a partition; without a sender all is only told."""

    tally: Tally
    sender: RedriveSender | None
    forget: list[int]
    departures: list[Departure] = field(default_factory=list)
    value_bytes: int = 0

    def add(self, departure: Departure) -> None:
        self.departures.append(departure)
        self.value_bytes += len(departure.record.value or b"")

    def end(self) -> None:
        """Send it, and begin another; an error is left in the tally."""
        departures, self.departures, self.value_bytes = self.departures, [], 0
        try:
            self._send(departures)
        except SesameError as error:
            self.tally.stopped = str(error)

    def _send(self, departures: list[Departure]) -> None:
        try:
            marks = self._marks(departures)
        except RefusedByBrokerError as error:
            if len(departures) > 1:
                for departure in departures:
                    self._send([departure])
                return
            verdict = Verdict(Ruling.REFUSED_BY_BROKER, str(error))
            self.tally.add(departures[0].record.letter, verdict)
            return
        for departure, mark in zip(departures, marks, strict=True):
            self.tally.add(departure.record.letter, Verdict(Ruling.REDRIVE), mark)

    def _marks(self, departures: list[Departure]) -> list[Mark] | list[None]:
        if self.sender is None:
            return [None] * len(departures)
        if not departures:
            return []
        marks = self.sender.send(departures, _now_ms(), self.forget)
        self.forget = []
        return marks


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
