"""What is answered about a person who is asked about too often in a day: the same again.

So nobody learns from asking over and over how a score moves within a day. The gateway counts
as well, and shows no news of such a person until the day ends.
"""

import threading
from dataclasses import dataclass

from pipeline.partners.decision import Decision
from pipeline.topics import DAY_MS


@dataclass(slots=True)
class _Asked:
    first: Decision
    times: int


class DayAnswers:
    """The answers of the day; for any thread.

    Args:
        per_day_max: Answers about one person for one purpose in a UTC day before they repeat
            the day's first.
    """

    def __init__(self, per_day_max: int) -> None:
        self._per_day_max = per_day_max
        self._day = 0
        self._asked: dict[tuple[str, str], _Asked] = {}
        self._lock = threading.Lock()
        self.repeated = 0

    def answer(self, subject: str, purpose: str, decision: Decision, now_ms: int) -> Decision:
        """What to answer, given what would be decided now."""
        day = now_ms // DAY_MS
        with self._lock:
            if day != self._day:
                self._day, self._asked = day, {}
            asked = self._asked.setdefault((subject, purpose), _Asked(decision, 0))
            asked.times += 1
            if asked.times <= self._per_day_max:
                return decision
            self.repeated += 1
            return asked.first
