"""Dead letters: records that are refused, under the place they were read from first."""

from dataclasses import dataclass

from pipeline.codec.reasons import Reason
from pipeline.deadletters.letter import carried
from pipeline.deadletters.refusal import Refused, dead_letter
from pipeline.gateway.changes import Changes
from pipeline.gateway.context import GatewayContext
from pipeline.streaming.records import Header, Record

NOT_GRANTED = "not granted: "


@dataclass(frozen=True, slots=True)
class Origin:
    """A record where it was read first; ``topic`` is without the prefix.

    ``carried`` are headers that stay with it, forwarded or refused.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    carried: tuple[Header, ...] = ()

    @classmethod
    def of(cls, topic: str, partition: int, record: Record) -> "Origin":
        """Where a record has just been read."""
        return cls(
            topic=topic,
            partition=partition,
            offset=record.offset,
            timestamp_ms=record.timestamp,
            key=record.key,
            value=record.value,
            carried=carried(record.headers),
        )

    @property
    def size(self) -> int:
        """Bytes of the key, the value and the headers that stay with them."""
        headers = sum(len(name.encode()) + len(value) for name, value in self.carried)
        return len(self.key or b"") + len(self.value or b"") + headers

    def headers(self) -> tuple[Header, ...]:
        """What goes with the record when it is forwarded."""
        return (
            ("origin.topic", self.topic.encode()),
            ("origin.partition", str(self.partition).encode()),
            ("origin.offset", str(self.offset).encode()),
            ("origin.timestamp", str(self.timestamp_ms).encode()),
            *self.carried,
        )


def refuse(
    origin: Origin, reason: Reason, error: str, context: GatewayContext, changes: Changes
) -> None:
    """Send a record to the dead letters, and count it."""
    refused = Refused(
        topic=context.topic_prefix + origin.topic,
        partition=origin.partition,
        offset=origin.offset,
        key=origin.key,
        value=origin.value,
        carried=origin.carried,
    )
    changes.dead_letters.append(dead_letter(refused, reason, error, context.clock_ms()))
    kind = origin.topic.rpartition(".")[2]
    changes.counts.records[kind, str(reason)] += 1
