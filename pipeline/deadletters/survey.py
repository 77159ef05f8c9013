"""Counts of the chosen letters, and the newest or oldest of them."""

import heapq
from collections import Counter
from dataclasses import dataclass, field, replace

from pipeline import topics
from pipeline.deadletters.choice import Choice
from pipeline.deadletters.letter import Letter, Place, read_letter
from pipeline.deadletters.marks import Mark, Redriven, find_marks
from pipeline.reading import LogReader, open_reader
from pipeline.settings import Settings

WHOLE_BYTES_MAX = 16 * 1024
"""Of a value that is held to be shown; of a longer one its beginning is."""
BEGINNING_BYTES = 256


@dataclass(slots=True)
class Survey:
    """The chosen letters: how many of each topic and reason, some of them, and their marks."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    letters: list[Letter] = field(default_factory=list)
    marks: dict[Place, Mark] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many letters were chosen."""
        return self.counts.total()


def survey(
    settings: Settings, choice: Choice, limit: int, *, newest: bool, redriven: bool | None = None
) -> Survey:
    """Read all dead letters, counting the chosen ones and holding at most ``limit``.

    Args:
        settings: Where Kafka is.
        choice: Which letters.
        limit: How many are held, of at most some kilobytes each.
        newest: Hold the newest by when they were refused, newest first; else the oldest.
        redriven: Only letters that were redriven, or were not; None for all.

    Raises:
        KafkaUnreachableError: No broker answers.
        SesameError: There is no topic of dead letters.
    """
    found = Survey()
    best = _Best(limit, newest=newest)
    with open_reader(settings) as reader:
        for partition in reader.require(topics.DEAD_LETTERS):
            span = choice.span(partition, reader.held(topics.DEAD_LETTERS, partition))
            marked = Redriven(reader, partition) if span and redriven is not None else None
            for record in reader.read(topics.DEAD_LETTERS, partition, span):
                letter = read_letter(record)
                if not choice.admits(letter):
                    continue
                if marked is not None and (letter in marked) is not redriven:
                    continue
                found.counts[letter.topic, letter.reason] += 1
                best.offer(letter)
        found.letters = best.letters()
        found.marks = _marks(reader, found.letters)
    return found


def _marks(reader: LogReader, letters: list[Letter]) -> dict[Place, Mark]:
    return find_marks(reader, letters) if letters else {}


class _Best:
    """The ``limit`` newest or oldest letters of all that are offered."""

    def __init__(self, limit: int, *, newest: bool) -> None:
        self._limit = limit
        self._sign = 1 if newest else -1
        self._heap: list[tuple[tuple[int, int, int], Letter]] = []

    def offer(self, letter: Letter) -> None:
        sign, place = self._sign, letter.place
        rank = (sign * letter.failed_at_ms, sign * place.partition, sign * place.offset)
        if len(self._heap) < self._limit:
            heapq.heappush(self._heap, (rank, _shortened(letter)))
        elif self._heap and rank > self._heap[0][0]:
            heapq.heapreplace(self._heap, (rank, _shortened(letter)))

    def letters(self) -> list[Letter]:
        return [letter for _, letter in sorted(self._heap, key=lambda e: e[0], reverse=True)]


def _shortened(letter: Letter) -> Letter:
    """The letter with its value's beginning only, if that is too long to be held."""
    if letter.value is None or len(letter.value) <= WHOLE_BYTES_MAX:
        return letter
    return replace(letter, value=letter.value[:BEGINNING_BYTES])
