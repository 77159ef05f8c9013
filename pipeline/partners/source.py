"""A partner's scores topic, read with kafka-python in no consumer group.

Needs no more than READ on that one topic: offsets are kept by the reader.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from pipeline.connection import check_connection
from pipeline.errors import KafkaUnreachableError, SesameError
from pipeline.kafka import kafka_python_config
from pipeline.partners.rebuild import Found
from pipeline.settings import Settings

POLL_RECORDS_MAX = 2_000
ANSWER_S_MAX = 5.0
"""Longest wait for an answer before a broker counts as away, whatever the settings allow."""


class TopicSource:
    """A connection to one topic; a context manager, for one thread.

    Args:
        settings: Brokers, security.
        topic: Name on the broker.

    Raises:
        KafkaUnreachableError: No broker answers.
        RefusedError: The brokers do not let us in.
        SesameError: There is no such topic, or no right to see it.
    """

    def __init__(self, settings: Settings, topic: str) -> None:
        self._topic = topic
        self._answer_ms = round(min(settings.request_timeout_s, ANSWER_S_MAX) * 1_000)
        check_connection(settings)
        try:
            self._consumer: Any = KafkaConsumer(
                **kafka_python_config(settings),
                group_id=None,
                bootstrap_timeout_ms=self._answer_ms,
                isolation_level="read_committed",
                auto_offset_reset="none",
                enable_auto_commit=False,
                allow_auto_create_topics=False,
                max_poll_records=POLL_RECORDS_MAX,
            )
        except KafkaError as error:
            raise KafkaUnreachableError(settings.bootstrap, str(error)) from error
        try:
            self._partitions = self._found()
            self._topic_id = self._told_id()
            self._consumer.assign(self._partitions)
        except BaseException:
            self._close()
            raise

    def __enter__(self) -> Self:
        """Use it as a context manager."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self._close()

    @property
    def changed(self) -> bool:
        """Whether the topic, as last told, is another one now or has other partitions."""
        numbers = self._consumer.partitions_for_topic(self._topic)
        return self._told_id() != self._topic_id or len(numbers or ()) != len(self._partitions)

    def look(self) -> Found:
        """What the topic holds now, as far as committed."""
        beginnings = self._consumer.beginning_offsets(self._partitions, self._answer_ms)
        return Found(self._topic_id, _by_number(beginnings), self.ends())

    def ends(self) -> dict[int, int]:
        """The next committed offset of each partition.

        Raises:
            KafkaError: The broker is away.
        """
        return _by_number(self._consumer.end_offsets(self._partitions, self._answer_ms))

    def seek(self, offsets: Mapping[int, int]) -> None:
        """Read on from there."""
        for number, offset in offsets.items():
            self._consumer.seek(TopicPartition(self._topic, number), offset)

    def poll(self, timeout_s: float) -> dict[int, Sequence[Any]]:
        """Records by partition; none when nothing came in time.

        Raises:
            KafkaError: Kafka refuses, or no longer has what was to be read.
        """
        return _by_number(self._consumer.poll(timeout_ms=round(timeout_s * 1_000)))

    def positions(self, numbers: Iterable[int] | None = None) -> dict[int, int]:
        """The offsets to be read next; past what was aborted, too."""
        partitions = self._partitions
        if numbers is not None:
            partitions = [TopicPartition(self._topic, number) for number in numbers]
        return _by_number({p: self._consumer.position(p, self._answer_ms) for p in partitions})

    def _found(self) -> list[TopicPartition]:
        numbers = self._consumer.partitions_for_topic(self._topic)
        if not numbers:
            raise SesameError(
                f"there is no topic {self._topic}, or no right to read it; "
                "`sesame topics apply` makes topics and rights"
            )
        return [TopicPartition(self._topic, number) for number in sorted(numbers)]

    def _told_id(self) -> str | None:
        """The topic's id as last told; brokers before 2.8 tell none."""
        # The consumer has no other way to it, and an admin client is a second connection.
        found = self._consumer._client.cluster.topic_id(self._topic)  # noqa: SLF001
        return None if found is None else str(found)

    def _close(self) -> None:
        self._consumer.close(autocommit=False, timeout_ms=self._answer_ms)


def _by_number(found: Mapping[Any, Any]) -> dict[int, Any]:
    return {partition.partition: value for partition, value in found.items()}
