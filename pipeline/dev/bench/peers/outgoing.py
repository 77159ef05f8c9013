"""What an event caused, as records to send."""

from itertools import count
from typing import NamedTuple

from pipeline import topics
from pipeline.codec.open import open_registry
from pipeline.dev.bench.plain.codec import Writer
from pipeline.dev.bench.plain.people import Told
from pipeline.scoring.model import Model
from pipeline.settings import Settings

PRODUCER: dict[str, str | int] = {
    "acks": "all",
    "compression.type": "lz4",
    "linger.ms": 20,
    "queue.buffering.max.messages": 500_000,
    "partitioner": "murmur2_random",
}
"""librdkafka's producer for throughput, acknowledged by all replicas, partitioned as Java does."""


class Sent(NamedTuple):
    """A record on its way out; ``topic`` without prefix."""

    topic: str
    key: bytes
    value: bytes | None


class Outgoing:
    """Encodes scores and peer signals."""

    def __init__(self, settings: Settings, model: Model) -> None:
        """Write with the schema ids that ``settings`` lead to."""
        self._writer = Writer(model, open_registry(settings))
        self._numbers = count()

    def records(self, told: Told) -> list[Sent]:
        """The records that tell it."""
        writer = self._writer
        scores = [
            Sent(topics.SCORES.name, new.user.encode(), writer.score(new)) for new in told.scores
        ]
        signals = [
            Sent(
                topics.PEER_SIGNALS.name,
                new.said.receiver.encode(),
                writer.signal(new, f"peer-{next(self._numbers):x}"),
            )
            for new in told.signals
        ]
        return scores + signals
