"""Reading topics from a command: committed records, up to where the topic ends now."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from kafka.partitioner.default import murmur2

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
    """
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


def each_record(
    settings: Settings,
    topic: Topic,
    take: Callable[[Any], None],
    key: bytes | None = None,
) -> None:
    """Hand over the records of a topic, or of the one partition a key lies in.

    Raises:
        KafkaUnreachableError: No broker answers.
        SesameError: There is no such topic.
    """
    name = settings.topic(topic.name)
    with consumer(settings) as client:
        numbers = client.partitions_for_topic(name)
        if not numbers:
            raise SesameError(f"there is no topic {name}; `sesame topics apply` makes it")
        wanted = sorted(numbers) if key is None else [partition_of(key, len(numbers))]
        _drain(client, [TopicPartition(name, number) for number in wanted], take)


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
