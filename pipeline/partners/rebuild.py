"""How long a view may be away: from when it decides nothing, from when it is read anew.

Going on from stored offsets is right only as long as every withdrawal since then is still
in the topic: Kafka forgets that a key is gone after the topic's ``delete.retention.ms``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pipeline.partners.store import Standing
from pipeline.topics import PARTNER_TOMBSTONE_MS

AWAY_MS_MAX = PARTNER_TOMBSTONE_MS // 2
"""Half of what the topic promises: the other half is for reading it."""
CLOCK_BACK_MS_MAX = 3_600_000
"""A clock set back by more than this no longer tells how long the view was away."""


STALE_MS_MAX = 3_600_000
"""A view that was not at its topic's end for longer decides nothing: a withdrawal that has not
arrived holds an hour later at the latest."""


class Cause(StrEnum):
    """Why a view is read anew."""

    FIRST_START = "nothing was stored yet"
    AWAY = "it was away longer than the topic remembers withdrawals"
    CLOCK = "the clock was set back since"
    TOPIC = "the topic was made anew"
    PARTITIONS = "the topic has other partitions"
    OFFSETS = "the topic no longer reaches the stored offsets"


@dataclass(frozen=True, slots=True)
class Found:
    """A topic as the broker tells it: its id, first and next offsets by partition."""

    topic_id: str | None
    beginnings: Mapping[int, int]
    ends: Mapping[int, int]


def outdated(current_at_ms: int, now_ms: int) -> bool:
    """Whether a view that missed nothing at ``current_at_ms`` may have missed withdrawals."""
    return not -CLOCK_BACK_MS_MAX <= now_ms - current_at_ms <= AWAY_MS_MAX


def stale(current_at_ms: int, now_ms: int) -> bool:
    """Whether too much may have been withdrawn since ``current_at_ms`` to decide on a view."""
    return not -CLOCK_BACK_MS_MAX <= now_ms - current_at_ms <= STALE_MS_MAX


def cause_to_rebuild(standing: Standing | None, found: Found, now_ms: int) -> Cause | None:
    """Why a stored view cannot simply go on; None when it can.

    Args:
        standing: Where the view stands; None for one that never stood anywhere.
        found: The topic now.
        now_ms: Wall time.
    """
    if standing is None:
        return Cause.FIRST_START
    if standing.topic_id != found.topic_id:
        return Cause.TOPIC
    if outdated(standing.current_at_ms, now_ms):
        return Cause.AWAY if now_ms > standing.current_at_ms else Cause.CLOCK
    if set(standing.offsets) != set(found.ends):
        return Cause.PARTITIONS
    for partition, offset in standing.offsets.items():
        if not found.beginnings[partition] <= offset <= found.ends[partition]:
            return Cause.OFFSETS
    return None
