"""What keeps partners from finding a score by asking: held thresholds, counted enquiries."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.factors.columns import Bool, Int64
from pipeline.gateway.rows import NEVER_MS
from pipeline.settings import Settings
from pipeline.topics import DAY_MS


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a threshold holds, and how often may be asked about a person in a UTC day."""

    threshold_hold_ms: int
    enquiries_per_day_max: int

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """The limits the settings name."""
        return cls(round(settings.threshold_hold_days * DAY_MS), settings.enquiries_per_day_max)


def held_threshold(
    rows: NDArray[np.void], registered: NDArray[np.uint16], limits: Limits, now_ms: int
) -> tuple[NDArray[np.uint16], Bool, Int64]:
    """Which threshold an answer is held against: the first, until it has held long enough.

    Args:
        rows: Of GRANT_ROW, shape (n,).
        registered: What the registry names now, shape (n,).
        limits: Say how long a threshold holds.
        now_ms: The time.

    Returns:
        The thresholds; where another counts from now on; when another will, or never.
    """
    held = rows["threshold"]
    differs = (held != 0) & (held != registered)
    until = rows["threshold_at_ms"] + limits.threshold_hold_ms
    ripe = differs & (until <= now_ms)
    threshold = np.where(differs & ~ripe, held, registered).astype(np.uint16)
    return threshold, ripe, np.where(differs & ~ripe, until, NEVER_MS)


def is_frozen(rows: NDArray[np.void], day: int) -> Bool:
    """Whose news is held back on a day, because a partner asked too often."""
    frozen: Bool = rows["frozen_day"] >= np.uint32(max(day, 1))
    return frozen


def count_enquiry(row: np.void, day: int, limits: Limits) -> bool:
    """Count that a partner asked about a person, in place; whether that was once too often."""
    # A clock that steps back over midnight begins no day anew.
    day = max(day, int(row["asked_day"]))
    if row["asked_day"] != day:
        row["asked_day"], row["asked_today"] = day, 0
    row["asked"] += 1
    row["asked_today"] += 1
    if row["asked_today"] <= limits.enquiries_per_day_max or row["frozen_day"] >= max(day, 1):
        return False
    row["frozen_day"] = day
    return True
