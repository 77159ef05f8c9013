"""Counts that several threads add to and any may read."""

import threading
from collections import Counter
from collections.abc import Mapping


class Tally:
    """Counts by name since the start."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, name: str, count: int = 1) -> None:
        """Count so many more of a name."""
        self.add_all({name: count})

    def add_all(self, counts: Mapping[str, int]) -> None:
        """Count several names at once; what is 0 stays unnamed."""
        with self._lock:
            # A new one, so that who reads it never meets one that changes.
            self._counts = self._counts + Counter(counts)

    def counts(self) -> dict[str, int]:
        """The counts so far."""
        return dict(self._counts)

    def total(self) -> int:
        """All of them together."""
        return self._counts.total()
