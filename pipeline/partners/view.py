"""A partner's local view: what it may see of each subject who granted it, now.

Pure: no Kafka, no clock, and no knowledge of where the changes come from.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.partners.records import Change, PartnerScore

_NONE_YET = -1


@dataclass(frozen=True, slots=True)
class _Entry:
    sequence: int
    disclosed: PartnerScore | None


class LocalView:
    """The subjects with a grant, and what is disclosed of them."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self.repeats = 0

    def __len__(self) -> int:
        """The number of subjects with a grant."""
        return len(self._entries)

    def __iter__(self) -> Iterator[str]:
        """The subjects with a grant."""
        return iter(self._entries)

    def __contains__(self, subject: str) -> bool:
        """Whether the subject has a grant."""
        return subject in self._entries

    def apply(self, change: Change) -> bool:
        """Take in a change; without a grant the subject is forgotten altogether.

        Returns:
            Whether anything was new; a repeat, told by its sequence, is dropped and counted.
        """
        entry = self._entries.get(change.subject)
        if not change.granted:
            return self._entries.pop(change.subject, None) is not None
        if change.sequence is None:
            self._entries[change.subject] = _Entry(_NONE_YET, change.disclosed)
            return True
        if entry is not None and change.sequence <= entry.sequence:
            self.repeats += 1
            return False
        self._entries[change.subject] = _Entry(change.sequence, change.disclosed)
        return True

    def get(self, subject: str, now_ms: int) -> PartnerScore | None:
        """What may be seen of a subject at ``now_ms``.

        Returns:
            None for a thin file, no grant, an expired one, and a stranger alike.
        """
        entry = self._entries.get(subject)
        if entry is None or entry.disclosed is None:
            return None
        expires_at_ms = entry.disclosed.grant_expires_at_ms
        if expires_at_ms is not None and expires_at_ms <= now_ms:
            return None
        return entry.disclosed
