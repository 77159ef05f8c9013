"""Waiting longer and longer between tries."""

import random

FIRST_S = 0.2
LONGEST_S = 5.0


class Backoff:
    """Doubles from 0.2 to 5 seconds, less up to a half at random, so that clients spread."""

    def __init__(self) -> None:
        self._next_s = FIRST_S

    def next_s(self) -> float:
        """Seconds to wait now."""
        waits_s, self._next_s = self._next_s, min(2 * self._next_s, LONGEST_S)
        return waits_s * random.uniform(0.5, 1)  # noqa: S311 - no secret

    def reset(self) -> None:
        """It went well: start from the shortest again."""
        self._next_s = FIRST_S
