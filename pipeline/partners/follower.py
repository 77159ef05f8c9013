"""Following `consents` and `scores` for one partner and purpose, with kafka-python.

Read committed, from the beginning, in no consumer group: nothing is stored between runs, and
every start builds the same view from the topics. Consents are read to their end before the
first score, so that no more than what is granted is ever decoded.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

import structlog
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from pipeline.codec.registry import SchemaRegistry
from pipeline.errors import KafkaUnreachableError, SesameError
from pipeline.kafka import kafka_python_config
from pipeline.partners.gateway_view import GatewayView
from pipeline.partners.lookback import LookBack
from pipeline.partners.reader import UnreadableError, read_consents, read_score
from pipeline.partners.records import Change
from pipeline.settings import Settings
from pipeline.topics import CONSENTS, SCORES

POLL_RECORDS_MAX = 2_000

log = structlog.get_logger()


def wall_clock_ms() -> int:
    """Milliseconds since 1970, now."""
    return time.time_ns() // 1_000_000


class Follower:
    """Turns the two topics into changes of what one partner may see.

    Not thread-safe; as a context manager it connects on entry and closes on exit.

    Args:
        settings: Brokers, security, topic prefix.
        registry: Knows the schemas of the two topics' values.
        view: What the partner may see; belongs to this follower from now on.
        clock_ms: Wall time, for grants that expire without an event.
    """

    def __init__(
        self,
        settings: Settings,
        registry: SchemaRegistry,
        view: GatewayView,
        clock_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._view = view
        self._clock_ms = clock_ms
        self._newest_ms = 0
        self._consumer: Any = None
        self._consents: list[TopicPartition] = []
        self._scores: list[TopicPartition] = []
        self._ends: dict[TopicPartition, int] = {}
        self._look_backs: dict[int, LookBack] = {}
        self._reading_scores = False
        self.results: dict[str, Counter[str]] = {CONSENTS.name: Counter(), SCORES.name: Counter()}

    def __enter__(self) -> Self:
        """Connect and stand at the beginning of the topics.

        Raises:
            KafkaUnreachableError: No broker answers.
            SesameError: A topic is missing, or the two are not partitioned alike.
        """
        config = kafka_python_config(self._settings)
        try:
            self._consumer = KafkaConsumer(
                **config,
                bootstrap_timeout_ms=config["request_timeout_ms"],
                isolation_level="read_committed",
                auto_offset_reset="earliest",
                enable_auto_commit=False,
                allow_auto_create_topics=False,
                max_poll_records=POLL_RECORDS_MAX,
            )
        except KafkaError as error:
            raise KafkaUnreachableError(self._settings.bootstrap, str(error)) from error
        try:
            self._assign()
        except KafkaError as error:
            self._consumer.close()
            raise KafkaUnreachableError(self._settings.bootstrap, str(error)) from error
        except BaseException:
            self._consumer.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self._consumer.close()

    @property
    def ready(self) -> bool:
        """Whether both topics were read to where they ended at the start."""
        return self._reading_scores and not self._ends

    @property
    def records(self) -> int:
        """Records read since the start."""
        return sum(results.total() for results in self.results.values())

    @property
    def looking_back(self) -> bool:
        """Whether a score is being read again for a new grant."""
        return any(look_back.under_way for look_back in self._look_backs.values())

    def awaits(self, user_id: str) -> bool:
        """Whether the person's latest score is being read again for a new grant."""
        key = user_id.encode()
        return any(key in look_back for look_back in self._look_backs.values())

    def poll(self, timeout_s: float) -> list[Change]:
        """Read on for at most that long, and tell what changed, in order.

        Grants end when they expire by wall time or by event time, whichever is later. A
        broker that is away for a while is waited for.

        Raises:
            SesameError: Kafka refuses, for instance for want of rights.
        """
        try:
            batches = self._consumer.poll(timeout_ms=round(timeout_s * 1_000))
        except KafkaError as error:
            raise SesameError(f"Kafka refuses to be read: {error}") from error
        changes = self._view.advance(max(self._clock_ms(), self._newest_ms))
        for partition in self._consents:
            changes += self._take_consents(partition, batches.get(partition, ()))
        for partition in self._scores:
            changes += self._take_scores(partition, batches.get(partition, ()))
            self._seek(partition)
        if self._ends or not self._reading_scores:
            self._check_caught_up()
        return changes

    def _assign(self) -> None:
        self._consents = self._partitions(CONSENTS.name)
        self._scores = self._partitions(SCORES.name)
        if len(self._consents) != len(self._scores):
            # A person's consents and scores are found by the same partition number.
            raise SesameError(
                f"{CONSENTS.name} has {len(self._consents)} partitions and {SCORES.name} "
                f"{len(self._scores)}; they must have as many: `sesame topics plan` tells more"
            )
        self._look_backs = {partition.partition: LookBack() for partition in self._scores}
        self._consumer.assign(self._consents + self._scores)
        self._consumer.pause(*self._scores)
        self._ends = self._consumer.end_offsets(self._consents)

    def _partitions(self, name: str) -> list[TopicPartition]:
        topic = self._settings.topic(name)
        numbers = self._consumer.partitions_for_topic(topic)
        if not numbers:
            raise SesameError(f"there is no topic {topic}; `sesame topics apply` makes it")
        return [TopicPartition(topic, number) for number in sorted(numbers)]

    def _take_consents(self, partition: TopicPartition, records: Sequence[Any]) -> list[Change]:
        if not records:
            return []
        found = read_consents(
            [record.key for record in records],
            [record.value for record in records],
            [record.timestamp for record in records],
            self._registry,
        )
        changes = []
        for event in found.events:
            self._newest_ms = max(self._newest_ms, event.occurred_at_ms)
            change = self._view.consent(event)
            if change is None:
                continue
            changes.append(change)
            if change.granted:
                self._look_backs[partition.partition].want(event.user_id.encode())
        results = self.results[CONSENTS.name]
        results["refused"] += found.refused
        results["changed"] += len(changes)
        results["unchanged"] += len(records) - found.refused - len(changes)
        return changes

    def _take_scores(self, partition: TopicPartition, records: Sequence[Any]) -> list[Change]:
        changes = []
        results = self.results[SCORES.name]
        look_back = self._look_backs[partition.partition]
        for record in records:
            if record.key is None:
                results["refused"] += 1
                continue
            if not look_back.takes(record.key, record.offset, erased=record.value is None):
                results["passed"] += 1
                continue
            change = self._take_score(record.key, record.value, results)
            if change is not None:
                changes.append(change)
        return changes

    def _take_score(self, key: bytes, value: bytes | None, results: Counter[str]) -> Change | None:
        user_id = key.decode(errors="replace")
        if user_id not in self._view:
            results["not_granted"] += 1
            return None
        if value is None:
            results["erased"] += 1
            return self._view.score(user_id, None)
        try:
            event = read_score(value, self._registry)
        except UnreadableError as error:
            results["refused"] += 1
            log.warning("unreadable score", error=str(error))
            return None
        self._newest_ms = max(self._newest_ms, event.as_of_ms)
        results["granted"] += 1
        return self._view.score(user_id, event)

    def _seek(self, partition: TopicPartition) -> None:
        look_back = self._look_backs[partition.partition]
        if look_back.under_way:
            offset = look_back.next_offset(self._consumer.position(partition))
            if offset is not None:
                self._consumer.seek(partition, offset)

    def _check_caught_up(self) -> None:
        reached = [p for p, end in self._ends.items() if self._consumer.position(p) >= end]
        for partition in reached:
            del self._ends[partition]
        if not self._ends and not self._reading_scores:
            self._reading_scores = True
            self._consumer.resume(*self._scores)
            self._ends = self._consumer.end_offsets(self._scores)
