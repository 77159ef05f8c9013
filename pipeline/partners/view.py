"""A partner's local view: what it may see of each subject, now.

Pure: no Kafka, no store, no clock. A batch is folded into rows first, written to the store,
and published last, so that nothing is seen that would be forgotten by a crash. One thread
folds and publishes; any thread may read.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pipeline.partners.records import Change, PartnerScore


@dataclass(frozen=True, slots=True)
class Entry:
    """A subject's latest record, and which reading of the topic it was seen in."""

    generation: int
    seen: PartnerScore


@dataclass(frozen=True, slots=True)
class Folded:
    """What a batch does: rows by subject (None: gone), the changes in order, the repeats."""

    rows: dict[str, Entry | None] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    repeats: int = 0


class LocalView:
    """The subjects of whom something may be seen.

    A topic is read from its beginning again when the view may have missed a withdrawal: a
    new generation. Entries of the former one are shown to nobody until they are seen again.

    Args:
        entries: By subject, as stored.
        generation: The reading of the topic that counts.
    """

    def __init__(self, entries: Mapping[str, Entry] | None = None, generation: int = 0) -> None:
        self._entries = dict(entries or {})
        self._generation = generation
        self._shown = Counter(
            entry.seen.purpose for entry in self._entries.values() if entry.generation == generation
        )

    def __len__(self) -> int:
        """The number of subjects of whom something may be seen."""
        return sum(list(self._shown.values()))  # a copy: another thread may write

    def count(self, purpose: str) -> int:
        """The number of subjects who granted a purpose."""
        return self._shown[purpose]

    def __iter__(self) -> Iterator[PartnerScore]:
        """What may be seen of every subject, as of now; expired grants among it."""
        generation = self._generation
        entries = list(self._entries.values())
        return (entry.seen for entry in entries if entry.generation == generation)

    def get(self, subject: str, now_ms: int) -> PartnerScore | None:
        """What may be seen of a subject at ``now_ms``.

        Returns:
            None for no grant, an expired one, a thin file and a stranger alike.
        """
        entry = self._entries.get(subject)
        if entry is None or entry.generation != self._generation:
            return None
        expires_at_ms = entry.seen.grant_expires_at_ms
        if expires_at_ms is not None and expires_at_ms <= now_ms:
            return None
        return entry.seen

    def fold(self, news: Iterable[Change]) -> Folded:
        """What records do to the view, in their order; it stays as it is until ``publish``.

        A repeat, told by its sequence, does nothing. A record of a former generation counts
        as no record, whatever its sequence: the topic may have been made anew.
        """
        folded = Folded()
        repeats = 0
        for item in news:
            subject, seen = item.subject, item.seen
            former = folded.rows[subject] if subject in folded.rows else self._entries.get(subject)
            if seen is None:
                if former is not None:
                    folded.rows[subject] = None
                    folded.changes.append(item)
            elif self._is_repeat(former, seen):
                repeats += 1
            else:
                folded.rows[subject] = Entry(self._generation, seen)
                if former is None or former.seen != seen:
                    folded.changes.append(item)
        return Folded(folded.rows, folded.changes, repeats)

    def publish(self, folded: Folded) -> None:
        """Show what was folded."""
        for subject, entry in folded.rows.items():
            self._uncount(self._entries.get(subject))
            if entry is None:
                self._entries.pop(subject, None)
            else:
                self._entries[subject] = entry
                self._shown[entry.seen.purpose] += 1

    def begin_generation(self, generation: int) -> None:
        """Show nothing until it is seen again."""
        self._generation = generation
        self._shown = Counter()

    def unseen(self) -> Folded:
        """The end of what was not seen again, once the topic was read to its end."""
        gone = [s for s, entry in self._entries.items() if entry.generation != self._generation]
        return Folded(dict.fromkeys(gone), [Change(subject, None) for subject in gone])

    def _is_repeat(self, former: Entry | None, seen: PartnerScore) -> bool:
        if former is None or former.generation != self._generation:
            return False
        # It counts from 1 again after a null; that one is kept for longer than a view lasts
        # without being rebuilt.
        return seen.sequence <= former.seen.sequence

    def _uncount(self, entry: Entry | None) -> None:
        if entry is not None and entry.generation == self._generation:
            self._shown[entry.seen.purpose] -= 1
