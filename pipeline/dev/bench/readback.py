"""What a run wrote: how much, and when its positions moved.

Read after the run, so that nothing burdens it. Every committed batch carries the
partition's position in the changelog, with the time it was written.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from confluent_kafka import Message

from pipeline import topics
from pipeline.dev.bench.broker import Offsets, read_all
from pipeline.dev.bench.workload import DATA_TOPICS
from pipeline.settings import Settings
from pipeline.streaming.changelog import POSITION_KEY
from pipeline.streaming.position import Position

PUBLISHED = (topics.SCORES, topics.PEER_SIGNALS)
"""What every system that scores writes; its state and its log of changes are its own business."""
WRITTEN = (topics.CHANGELOG, topics.SCORES, topics.SCORE_CHANGES, topics.PEER_SIGNALS)
_DATA = [topic.name for topic in DATA_TOPICS]


@dataclass(slots=True)
class Volume:
    """Records written to a topic, positions aside, and the bytes of their keys and values."""

    records: int = 0
    key_bytes: int = 0
    value_bytes: int = 0

    def add(self, value: bytes | None, key: bytes | None = None) -> None:
        """Count one more."""
        self.records += 1
        self.key_bytes += len(key or b"")
        self.value_bytes += len(value or b"")


@dataclass(slots=True)
class Written:
    """What one run wrote, by topic; ``applied`` data events, the last written at ``last_at``."""

    volumes: dict[str, Volume] = field(default_factory=lambda: defaultdict(Volume))
    transactions: int = 0
    positions: Volume = field(default_factory=Volume)
    """In the changelog, one of each transaction."""
    applied: int = 0
    last_at: float = 0.0

    @property
    def published(self) -> int:
        """Records on the topics that every system writes."""
        return sum(self.volumes[topic.name].records for topic in PUBLISHED)

    def as_json(self) -> dict[str, Any]:
        """The volumes, for programs."""
        by_topic = {name: asdict(volume) for name, volume in sorted(self.volumes.items())}
        return {"transactions": self.transactions, "topics": by_topic}


def read_outputs(settings: Settings, since: Offsets) -> Written:
    """Count what a system wrote after offsets to the topics that every system writes."""
    written = Written()
    plain = {settings.topic(topic.name): topic.name for topic in PUBLISHED}
    for message in read_all(settings, [topic.name for topic in PUBLISHED], since):
        written.volumes[plain[str(message.topic())]].add(message.value(), message.key())
    return written


def read_back(
    settings: Settings,
    since: Offsets | None = None,
    counted_from: Offsets | None = None,
    chosen: Sequence[topics.Topic] = WRITTEN,
) -> Written:
    """Read everything workers of these settings wrote, or what they wrote after offsets.

    Args:
        settings: Those of the workers.
        since: From where on; without any all of it.
        counted_from: Volumes and transactions count from here on; positions are followed all
            the while.
        chosen: The topics, the changelog among them.
    """
    counted = counted_from or {}
    written = Written()
    applied: dict[int, int] = defaultdict(int)
    plain = {settings.topic(topic.name): topic.name for topic in chosen}
    for message in read_all(settings, [topic.name for topic in chosen], since):
        name = plain[str(message.topic())]
        key, value = message.key(), message.value()
        is_position = name == topics.CHANGELOG.name and key == POSITION_KEY
        if _is_from(message, counted):
            (written.positions if is_position else written.volumes[name]).add(value, key)
            written.transactions += is_position
        if not is_position:
            continue
        position = Position.decode(value or b"")
        # Loaded in one transaction without gaps, so offsets count events.
        total = sum(position.next_offset(topic) for topic in _DATA)
        partition = message.partition() or 0
        if total > applied[partition]:
            applied[partition] = total
            written.last_at = max(written.last_at, message.timestamp()[1] / 1000)
    written.applied = sum(applied.values())
    return written


def _is_from(message: Message, offsets: Offsets) -> bool:
    place = str(message.topic()), message.partition() or 0
    return (message.offset() or 0) >= offsets.get(place, 0)
