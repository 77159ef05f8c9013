"""Committed records of single partitions, without a consumer group."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from pipeline.connection import check_connection
from pipeline.errors import KafkaUnreachableError, SesameError
from pipeline.kafka import kafka_python_config
from pipeline.settings import Settings
from pipeline.topics import Topic

_POLL_MS = 500
_POLL_RECORDS = 500
_FETCH_BYTES = 8 * 1024 * 1024


class LogReader:
    """Reads ranges of one partition at a time; use `open_reader`."""

    def __init__(self, settings: Settings, consumer: KafkaConsumer) -> None:
        """Read with a connected read-committed consumer."""
        self._settings = settings
        self._consumer = consumer

    def partitions(self, topic: Topic) -> list[int]:
        """A topic's partition numbers; none where there is no such topic."""
        return sorted(self._consumer.partitions_for_topic(self._settings.topic(topic.name)) or ())

    def names(self) -> set[str]:
        """The topics there are under our prefix, by their names without it."""
        prefix = self._settings.topic_prefix
        found = self._consumer.topics()
        return {name.removeprefix(prefix) for name in found if name.startswith(prefix)}

    def require(self, topic: Topic) -> list[int]:
        """A topic's partition numbers.

        Raises:
            SesameError: There is no such topic.
        """
        numbers = self.partitions(topic)
        if not numbers:
            name = self._settings.topic(topic.name)
            raise SesameError(f"there is no topic {name}; `sesame topics apply` makes it")
        return numbers

    def held(self, topic: Topic, partition: int) -> range:
        """The offsets a partition holds now, of committed records."""
        part = self._part(topic, partition)
        try:
            start = self._consumer.beginning_offsets([part])[part]
            end = self._consumer.end_offsets([part])[part]
        except KafkaError as error:
            raise self._unreachable(error) from error
        return range(start, max(start, end))

    def read(self, topic: Topic, partition: int, span: range) -> Iterator[Any]:
        """The records at these offsets, in their order, as many at a time as one poll brings.

        One range at a time: the former is left off where another begins.

        Raises:
            KafkaUnreachableError: No broker has answered for the request timeout.
        """
        if not span:
            return
        part = self._part(topic, partition)
        self._consumer.assign([part])
        self._consumer.seek(part, span.start)
        position, moved_at = span.start, time.monotonic()
        # The position also moves over transaction markers, which are no records.
        while position < span.stop:
            for record in self._poll(part):
                if record.offset < span.stop:
                    yield record
            before, position = position, self._consumer.position(part)
            if position != before:
                moved_at = time.monotonic()
            elif time.monotonic() - moved_at > self._settings.request_timeout_s:
                raise self._unreachable(f"{part.topic} is not read on at {position}")

    def _poll(self, part: TopicPartition) -> list[Any]:
        try:
            fetched = self._consumer.poll(timeout_ms=_POLL_MS, max_records=_POLL_RECORDS)
        except KafkaError as error:
            raise self._unreachable(error) from error
        return list(fetched.get(part, []))

    def _part(self, topic: Topic, partition: int) -> TopicPartition:
        return TopicPartition(self._settings.topic(topic.name), partition)

    def _unreachable(self, error: object) -> KafkaUnreachableError:
        return KafkaUnreachableError(self._settings.bootstrap, str(error) or type(error).__name__)


@contextmanager
def open_reader(settings: Settings) -> Iterator[LogReader]:
    """A connected reader, closed on leaving.

    Raises:
        KafkaUnreachableError: No broker answers.
        RefusedError: The brokers do not let us in.
    """
    check_connection(settings)
    config = kafka_python_config(settings)
    try:
        consumer = KafkaConsumer(
            **config,
            bootstrap_timeout_ms=config["request_timeout_ms"],
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            fetch_max_bytes=_FETCH_BYTES,
        )
    except (KafkaError, OSError) as error:
        reason = str(error) or type(error).__name__
        raise KafkaUnreachableError(settings.bootstrap, reason) from error
    try:
        yield LogReader(settings, consumer)
    finally:
        consumer.close()
