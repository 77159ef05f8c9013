"""Looking at Kafka from outside: how far a group is, what topics hold."""

import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

import kafka
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from kafka.admin import OffsetSpec

from pipeline import provision
from pipeline.errors import SesameError
from pipeline.kafka import confluent_config
from pipeline.settings import Settings

_ANSWER_S = 30.0
_FETCHED_MAX = 10_000
Offsets = dict[tuple[str, int], int]


class Watch:
    """Asks about the topics of one prefix and a consumer group, by default the pipeline's."""

    def __init__(self, settings: Settings, group: str | None = None) -> None:
        self._settings = settings
        self._group = settings.topic_prefix + (group or settings.app_id)

    def __enter__(self) -> Self:
        self._opened = provision.admin(self._settings)
        self._admin = self._opened.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._opened.__exit__(kind, error, trace)

    def ends(self, names: Sequence[str]) -> Offsets:
        """The offset after the last record of each partition of topics."""
        wanted = {
            kafka.TopicPartition(self._settings.topic(name), number): OffsetSpec.LATEST
            for name in names
            for number in range(self._settings.partitions)
        }
        answers = self._admin.list_partition_offsets(wanted)
        return {(tp.topic, tp.partition): found.offset for tp, found in answers.items()}

    def committed(self) -> Offsets:
        """What the group has committed."""
        try:
            found = self._admin.list_group_offsets(self._group)[self._group]
        except kafka.errors.KafkaError:
            return {}  # no such group yet; on a fresh broker there is nobody to ask either
        return {(tp.topic, tp.partition): max(known.offset, 0) for tp, known in found.items()}

    def behind(self, ends: Offsets) -> int:
        """How many offsets the group is behind ``ends``."""
        committed = self.committed()
        return sum(max(0, end - committed.get(tp, 0)) for tp, end in ends.items())


def delete_topics(settings: Settings) -> None:
    """Delete every topic named after the settings' prefix, changelogs of peers with it."""
    with provision.admin(settings) as client:
        ours = [name for name in client.list_topics() if settings.topic_prefix in name]
        if ours:
            client.delete_topics(ours)


def read_all(
    settings: Settings, names: Sequence[str], since: Offsets | None = None
) -> Iterator[Message]:
    """Every committed record of topics, up to their ends now; from offsets where any are given."""
    starts = since or {}
    consumer = Consumer(
        {
            **confluent_config(settings),
            "group.id": f"{settings.topic_prefix}bench",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
    )
    left = {(settings.topic(n), p) for n in names for p in range(settings.partitions)}
    try:
        consumer.assign([TopicPartition(*place, starts.get(place, 0)) for place in left])
        deadline = time.monotonic() + _ANSWER_S
        while left:
            messages = consumer.consume(_FETCHED_MAX, timeout=1.0)
            if messages:
                deadline = time.monotonic() + _ANSWER_S
            elif time.monotonic() > deadline:
                raise SesameError(f"no records of {sorted(left)} came for {_ANSWER_S:.0f} s")
            for message in messages:
                error = message.error()
                if error is None:
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its only name
                    left.discard((message.topic(), message.partition()))
                else:
                    raise KafkaException(error)
    finally:
        consumer.close()
