"""Reading topics from a command: committed records, up to where the topic ends now."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from kafka.partitioner.default import murmur2

from pipeline.connection import check_connection
from pipeline.errors import KafkaUnreachableError, SesameError
from pipeline.kafka import kafka_python_config
from pipeline.settings import Settings
from pipeline.topics import Topic

_POLL_MS = 500
_POLL_RECORDS_MAX = 5_000


def partition_of(key: bytes, partitions: int) -> int:
    """The partition every client's default partitioner puts a key into."""
    return int(murmur2(key) & 0x7FFF_FFFF) % partitions


@contextmanager
def consumer(settings: Settings) -> Iterator[KafkaConsumer]:
    """A read-committed consumer in no group, closed on leaving.

    Raises:
        KafkaUnreachableError: No broker answers.
        RefusedError: The brokers do not let us in.
    """
    check_connection(settings)
    config = kafka_python_config(settings)
    try:
        client = KafkaConsumer(
            **config,
            bootstrap_timeout_ms=config["request_timeout_ms"],
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            max_poll_records=_POLL_RECORDS_MAX,
        )
    except (KafkaError, OSError) as error:
        reason = str(error) or type(error).__name__
        raise KafkaUnreachableError(settings.bootstrap, reason) from error
    try:
        yield client
    finally:
        client.close()


def each_record(settings: Settings, topic: Topic, take: Callable[[Any], None]) -> None:
    """Hand over every record of a topic, in order within each partition.

    Raises:
        KafkaUnreachableError: No broker answers.
        SesameError: There is no such topic.
    """
    with consumer(settings) as client:
        partitions = _partitions(client, settings.topic(topic.name))
        _drain(client, partitions, take)


def latest(
    settings: Settings, topic: Topic, user_id: str, key_of: Callable[[bytes], bytes] = bytes
) -> bytes | None:
    """The newest value a topic holds of a person; None where it holds none, or a tombstone.

    Args:
        settings: Where Kafka is.
        topic: A compacted topic.
        user_id: The person.
        key_of: The record's key from the person's.

    Raises:
        KafkaUnreachableError: No broker answers.
        SesameError: There is no such topic.
    """
    found = values_of(settings, topic, user_id, key_of)
    return found[-1] if found else None


def values_of(
    settings: Settings, topic: Topic, user_id: str, key_of: Callable[[bytes], bytes] = bytes
) -> list[bytes | None]:
    """All values a topic holds of a person, oldest first; None for tombstones.

    Looks where the default partitioner puts the person, then in the other partitions, as a
    producer may have placed the person by its own rule.

    Raises:
        KafkaUnreachableError: No broker answers.
        SesameError: There is no such topic.
    """
    key = key_of(user_id.encode())
    found: list[bytes | None] = []

    def take(record: Any) -> None:
        if record.key == key:
            found.append(record.value)

    with consumer(settings) as client:
        partitions = _partitions(client, settings.topic(topic.name))
        home = partition_of(user_id.encode(), len(partitions))
        _drain(client, [partitions.pop(home)], take)
        if not found and partitions:
            _drain(client, partitions, take)
    return found


def _partitions(client: KafkaConsumer, name: str) -> list[TopicPartition]:
    numbers = client.partitions_for_topic(name)
    if not numbers:
        raise SesameError(f"there is no topic {name}; `sesame topics apply` makes it")
    return [TopicPartition(name, number) for number in sorted(numbers)]


def _drain(
    client: KafkaConsumer, partitions: Sequence[TopicPartition], take: Callable[[Any], None]
) -> None:
    client.assign(partitions)
    ends = client.end_offsets(partitions)
    client.seek_to_beginning(*partitions)
    # The position also moves over transaction markers, which are no records.
    while any(client.position(partition) < ends[partition] for partition in partitions):
        for partition, records in client.poll(timeout_ms=_POLL_MS).items():
            for record in records:
                if record.offset < ends[partition]:
                    take(record)
