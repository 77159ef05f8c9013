"""Reading topics from a command: committed records, up to where the topic ends now."""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from kafka.partitioner.default import murmur2

from pipeline.errors import RefusedError
from pipeline.reading import LogReader, open_reader
from pipeline.settings import Settings
from pipeline.topics import Topic


def partition_of(key: bytes, partitions: int) -> int:
    """The partition every client's default partitioner puts a key into."""
    return int(murmur2(key) & 0x7FFF_FFFF) % partitions


def each_record(settings: Settings, topic: Topic, take: Callable[[Any], None]) -> None:
    """Hand over every record of a topic, in order within each partition.

    Raises:
        KafkaUnreachableError: No broker answers.
        SesameError: There is no such topic.
    """
    with open_reader(settings) as reader:
        for partition in reader.require(topic):
            for record in _held(reader, topic, partition):
                take(record)


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
        RefusedError: No person is named.
        KafkaUnreachableError: No broker answers.
        SesameError: There is no such topic.
    """
    if not user_id:
        raise RefusedError("USER must have at least 1 character")
    key = key_of(user_id.encode())

    def values_in(*partitions: int) -> list[bytes | None]:
        every = chain.from_iterable(_held(reader, topic, number) for number in partitions)
        return [record.value for record in every if record.key == key]

    with open_reader(settings) as reader:
        partitions = reader.require(topic)
        home = partitions.pop(partition_of(user_id.encode(), len(partitions)))
        return values_in(home) or values_in(*partitions)


def _held(reader: LogReader, topic: Topic, partition: int) -> Iterator[Any]:
    return reader.read(topic, partition, reader.held(topic, partition))
