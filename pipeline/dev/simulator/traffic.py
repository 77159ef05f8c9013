"""A history as producers would send it: by event time over all topics, with their mistakes.

A repeat is the same record once more, some hundred records later; a bad record follows the
event it was made from. Both come on top of the history's events.
"""

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from pipeline.codec.registry import SchemaRegistry
from pipeline.dev.simulator.bad import Sent, Spoiler
from pipeline.dev.simulator.history import History
from pipeline.dev.simulator.records import Encoder
from pipeline.factors.columns import Int64

REPEAT_WITHIN = 500
"""A repeat comes at most so many events later: soon enough to be remembered."""


@dataclass(frozen=True, slots=True)
class Mistakes:
    """Shares of the history's events, 0 to 1, and the lateness the pipeline allows."""

    bad_share: float = 0.0
    repeat_share: float = 0.0
    lateness_days: int = 31


@dataclass(frozen=True, slots=True)
class Chunk:
    """Records in the order to send them; of them events and repeats by topic name.

    ``opening``: the consents that stand before everything else.
    """

    records: list[Sent]
    events: Counter[str]
    repeats: Counter[str]
    bad: int
    opening: bool


class Traffic:
    """The records of a history in order, made a chunk at a time.

    Args:
        history: What to send.
        registry: Gives the schema ids.
        mistakes: What producers do wrong.
        chunk_events: Events of the history a chunk holds, repeats and bad ones aside.
    """

    def __init__(
        self,
        history: History,
        registry: SchemaRegistry,
        mistakes: Mistakes,
        chunk_events: int = 20_000,
    ) -> None:
        self._encoder = Encoder(history, registry)
        self.topics = list(history.events)
        self._chunk_events = chunk_events
        seeds = np.random.SeedSequence(history.spec.seed, spawn_key=(99,)).spawn(2)
        self._rng = np.random.default_rng(seeds[0])
        self._mistakes = mistakes
        self._spoiler = Spoiler(
            self._encoder, np.random.default_rng(seeds[1]), mistakes.lateness_days
        )
        self._topic_of, self.opening = self._order(history)

    def __len__(self) -> int:
        """The events of the history."""
        return len(self._topic_of)

    @property
    def expected_records(self) -> int:
        """About how many records `chunks` will hold."""
        extra = self._mistakes.bad_share + self._mistakes.repeat_share
        return round(len(self) * (1 + extra))

    def chunks(self) -> Iterator[Chunk]:
        """All records; the opening, which nothing may overtake, has chunks of its own."""
        waiting: list[tuple[int, int, Sent]] = []
        done = np.zeros(len(self.topics), np.int64)
        start = 0
        while start < len(self):
            opening = start < self.opening
            stop = min(start + self._chunk_events, self.opening if opening else len(self))
            before = done.copy()
            good, rows = self._good(start, stop, done)
            bad = self._bad(start, good, rows)
            self._repeat(start, good, waiting)
            repeats = _due(waiting, stop, everything=stop == len(self))
            yield Chunk(
                records=_interleave(start, good, bad + repeats),
                events=self._counted(done - before),
                repeats=Counter(record.topic.name for _, record in repeats),
                bad=len(bad),
                opening=opening,
            )
            start = stop

    def _counted(self, counts: Int64) -> Counter[str]:
        names = (topic.name for topic in self.topics)
        return Counter(dict(zip(names, counts.tolist(), strict=True)))

    @staticmethod
    def _order(history: History) -> tuple[Int64, int]:
        """Each event's topic by event time, and how many consents open the history."""
        times = np.concatenate([events.occurred_at_ms for events in history.events.values()])
        sizes = [len(events) for events in history.events.values()]
        topic = np.repeat(np.arange(len(sizes)), sizes)
        # Consents are the first topic, so at the same time they go first.
        order = np.lexsort((topic, times))
        sorted_topic: Int64 = topic[order]
        data = np.flatnonzero(sorted_topic)
        return sorted_topic, int(data[0]) if len(data) else len(sorted_topic)

    def _good(self, start: int, stop: int, done: Int64) -> tuple[list[Sent], Int64]:
        """The chunk's events in order, with their numbers within their topics."""
        topic_of = self._topic_of[start:stop]
        by_topic = np.argsort(topic_of, kind="stable")
        records: list[Sent] = []
        rows = np.empty(len(topic_of), np.int64)
        for code, count in enumerate(np.bincount(topic_of, minlength=len(self.topics))):
            first, last = int(done[code]), int(done[code] + count)
            if first == last:
                continue
            topic = self.topics[code]
            keys = self._encoder.keys(topic, first, last)
            values = self._encoder.values(topic, first, last)
            records += map(Sent, repeat(topic), keys, values)
            rows[topic_of == code] = np.arange(first, last)
            done[code] = last
        place = np.empty(len(topic_of), np.int64)
        place[by_topic] = np.arange(len(topic_of))
        return [records[i] for i in place.tolist()], rows

    def _chosen(self, count: int, share: float) -> list[int]:
        chosen: list[int] = np.flatnonzero(self._rng.random(count) < share).tolist()
        return chosen

    def _bad(self, start: int, good: list[Sent], rows: Int64) -> list[tuple[int, Sent]]:
        return [
            (start + at, self._spoiler.spoil(good[at].topic, int(rows[at])))
            for at in self._chosen(len(good), self._mistakes.bad_share)
        ]

    def _repeat(self, start: int, good: list[Sent], waiting: list[tuple[int, int, Sent]]) -> None:
        for at in self._chosen(len(good), self._mistakes.repeat_share):
            due = start + at + int(self._rng.integers(1, REPEAT_WITHIN))
            heapq.heappush(waiting, (due, start + at, good[at]))


def _due(
    waiting: list[tuple[int, int, Sent]], stop: int, *, everything: bool
) -> list[tuple[int, Sent]]:
    """Take the repeats whose place is before ``stop``; at the end of the history, all."""
    taken: list[tuple[int, Sent]] = []
    while waiting and (everything or waiting[0][0] < stop):
        at, _, record = heapq.heappop(waiting)
        taken.append((min(at, stop - 1), record))
    return taken


def _interleave(start: int, good: list[Sent], extras: list[tuple[int, Sent]]) -> list[Sent]:
    """The good records with each extra one after the event at its place."""
    records: list[Sent] = []
    taken = 0
    for at, extra in sorted(extras, key=lambda item: item[0]):
        upto = at - start + 1
        records += good[taken:upto]
        records.append(extra)
        taken = upto
    return records + good[taken:]
