"""When a topic's own rules take records away: moments in ms, from its configuration."""

from collections.abc import Mapping

from pipeline.topics import DAY_MS, Topic

_HOUR_MS = 3_600_000
BROKER_MS = 2 * _HOUR_MS
"""For clocks that are ahead (an hour at most) and the broker's rounds (minutes by default)."""
_SEGMENT_MS = 7 * DAY_MS
_TOMBSTONE_MS = DAY_MS
_NO_LAG_MS = 2**63 - 1

Config = Mapping[str, str]


def gone_by(config: Config, now_ms: int) -> int | None:
    """The latest moment by which everything written until now is gone; None: never.

    A log is cut off by whole segments, each as soon as its newest record is old enough. The
    segment that is open now takes records for ``segment.ms`` at most.
    """
    retention_ms = int(config["retention.ms"])
    if retention_ms < 0:
        return None
    return now_ms + _segment_ms(config) + retention_ms + BROKER_MS


def compacted_from(config: Config, tombstone_ms: int) -> int:
    """From when on the next record of the partition lets compaction take what was removed."""
    lag_ms = int(config.get("max.compaction.lag.ms", _NO_LAG_MS))
    return tombstone_ms + min(lag_ms, _segment_ms(config))


def tombstone_until(config: Config, tombstone_ms: int) -> int:
    """Until when a tombstone stands at least."""
    return tombstone_ms + int(config.get("delete.retention.ms", _TOMBSTONE_MS))


def contract_config(topic: Topic) -> Config:
    """What a topic's configuration should be, for who may not ask the broker."""
    return topic.config()


def _segment_ms(config: Config) -> int:
    return int(config.get("segment.ms", _SEGMENT_MS))
