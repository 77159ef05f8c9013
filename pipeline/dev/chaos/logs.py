"""What a topic of a run holds now, read from its beginning to its end."""

import time
from collections.abc import Iterator

from confluent_kafka import Consumer, KafkaError, TopicPartition

from pipeline import topics
from pipeline.dev.chaos.errors import ChaosError
from pipeline.dev.chaos.records import Record, record_of
from pipeline.kafka import confluent_config
from pipeline.settings import Settings
from pipeline.streaming.changelog import POSITION_KEY
from pipeline.streaming.position import Position

_READ_S = 60.0
_FETCHED_MAX = 5_000


def read(settings: Settings, topic: topics.Topic) -> Iterator[Record]:
    """The committed records, each partition in its order.

    Raises:
        ChaosError: The end is not reached in time.
    """
    consumer = Consumer(
        {
            **confluent_config(settings),
            "group.id": "chaos-reader",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": 50,
            "log_level": 0,
        }
    )
    name = settings.topic(topic.name)
    consumer.assign([TopicPartition(name, n, 0) for n in range(settings.partitions)])
    ended: set[int | None] = set()
    deadline = time.monotonic() + _READ_S
    try:
        while len(ended) < settings.partitions:
            if time.monotonic() > deadline:
                raise ChaosError(f"{name} was not read to its end within {_READ_S:.0f} s")
            for message in consumer.consume(_FETCHED_MAX, 0.1):
                error = message.error()
                if error is None:
                    yield record_of(message)
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                    ended.add(message.partition())
    finally:
        consumer.close()


def positions(settings: Settings, changelog: topics.Topic) -> dict[int, Position]:
    """The newest position of each partition that has one."""
    found = read(settings, changelog)
    latest = {r.partition: r.value for r in found if r.key == POSITION_KEY and r.value}
    return {number: Position.decode(value) for number, value in latest.items()}
