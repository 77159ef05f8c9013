"""Records as they lie in Kafka, and where."""

from typing import NamedTuple, Protocol, cast

from confluent_kafka import Message

Place = tuple[str, int, int]
"""Topic without its prefix, partition, offset."""


class Record(NamedTuple):
    """One committed record."""

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class Acknowledged(Protocol):
    """A record the broker has said it holds; ``reason`` if it is to be refused by its bytes."""

    @property
    def topic(self) -> str: ...  # noqa: D102
    @property
    def partition(self) -> int: ...  # noqa: D102
    @property
    def offset(self) -> int: ...  # noqa: D102
    @property
    def key(self) -> bytes | None: ...  # noqa: D102
    @property
    def value(self) -> bytes | None: ...  # noqa: D102
    @property
    def reason(self) -> str | None: ...  # noqa: D102


def record_of(message: Message) -> Record:
    """A consumed message as a record."""
    return Record(
        cast("int", message.partition()),
        cast("int", message.offset()),
        message.timestamp()[1],
        message.key(),
        message.value(),
        tuple(cast("list[tuple[str, bytes]]", message.headers() or [])),
    )
