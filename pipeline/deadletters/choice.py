"""Which dead letters are meant: every filter that is given must hold."""

from dataclasses import dataclass

from pipeline.deadletters.letter import Letter, Place


@dataclass(frozen=True, slots=True)
class Choice:
    """Filters of dead letters; empty or None ones hold for all.

    Args:
        places: The letters' own places.
        records: Places of the refused records in their topics.
        topics: Topics of the refused records, with prefix.
        reasons: Why they were refused.
        partition: Of the letters.
        from_offset: First offset of the letters.
        to_offset: Last offset of the letters.
        since_ms: Refused then or later.
        until_ms: Refused before.
        key: The refused records' key.
        error: Text within the error, in any case.
    """

    places: frozenset[Place] = frozenset()
    records: frozenset[Place] = frozenset()
    topics: frozenset[str] = frozenset()
    reasons: frozenset[str] = frozenset()
    partition: int | None = None
    from_offset: int | None = None
    to_offset: int | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    key: bytes | None = None
    error: str | None = None

    @property
    def is_everything(self) -> bool:
        """Whether no filter is given."""
        return self == Choice()

    def span(self, partition: int, held: range) -> range:
        """The offsets of a partition, of those it holds, that chosen letters can have."""
        if self.partition not in {None, partition}:
            return range(0)
        first, last = held.start, held.stop - 1
        if self.from_offset is not None:
            first = max(first, self.from_offset)
        if self.to_offset is not None:
            last = min(last, self.to_offset)
        if self.places:
            offsets = [place.offset for place in self.places if place.partition == partition]
            if not offsets:
                return range(0)
            first, last = max(first, min(offsets)), min(last, max(offsets))
        return range(first, max(first, last + 1))

    def admits(self, letter: Letter) -> bool:
        """Whether a letter is chosen."""
        return (
            letter.place.offset in self.span(letter.place.partition, range(letter.place.offset + 1))
            and (not self.places or letter.place in self.places)
            and (not self.records or Place(letter.partition, letter.offset) in self.records)
            and (not self.topics or letter.topic in self.topics)
            and (not self.reasons or letter.reason in self.reasons)
            and self._admits_time(letter.failed_at_ms)
            and self.key in {None, letter.key}
            and (self.error is None or self.error.casefold() in letter.error.casefold())
        )

    def _admits_time(self, failed_at_ms: int) -> bool:
        return (self.since_ms is None or self.since_ms <= failed_at_ms) and (
            self.until_ms is None or failed_at_ms < self.until_ms
        )
