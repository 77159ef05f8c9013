"""A stream of its own on the tests' Kafka: topics, producers, workers, what was written."""

import itertools
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from confluent_kafka import KafkaError, Message, Producer, TopicPartition
from kafka.partitioner.default import murmur2

from pipeline import provision, settings, topics
from pipeline.factors.layout import FACTOR_ROW, LEDGER_ROW
from pipeline.streaming import changelog
from pipeline.streaming.position import Position
from tests.integration.support.events import fields_of
from tests.integration.support.tail import Ends, Part, Record, Tail
from tests.integration.support.worker import WorkerProcess

APPLIED_S = 240.0
_POLL_S = 0.1
_FLUSH_S = 120.0
_LOG_CHARS = 30_000


@dataclass(frozen=True, slots=True)
class Placed:
    """A record that was acknowledged, and what it is to be refused for, if anything."""

    topic: topics.Topic
    record: Record
    reason: str | None = None


class Input(NamedTuple):
    """A record to send."""

    topic: topics.Topic
    key: bytes | None
    value: bytes | None
    reason: str | None = None
    partition: int = -1
    """-1: where Kafka's default partitioner puts the key."""
    timestamp_ms: int = 0
    """0: the time of sending."""


class Stream:
    """Topics under a prefix, and all that happens to them."""

    def __init__(self, bootstrap: str, prefix: str, folder: Path, partitions: int) -> None:
        self.bootstrap, self.prefix, self.partitions = bootstrap, prefix, partitions
        self.variables = {
            "SESAME_BOOTSTRAP": bootstrap,
            "SESAME_TOPIC_PREFIX": prefix,
            "SESAME_PARTITIONS": str(partitions),
            "SESAME_SESSION_TIMEOUT_S": "6",
            "SESAME_REBALANCE_TIMEOUT_S": "15",
            "SESAME_TRANSACTION_TIMEOUT_S": "10",
            "SESAME_REQUEST_TIMEOUT_S": "10",
            "SESAME_WATCHDOG_S": "240",
        }
        self.settings = settings.load(
            bootstrap=bootstrap, topic_prefix=prefix, partitions=partitions
        )
        self.placed: list[Placed] = []
        self.workers: list[WorkerProcess] = []
        self._folder = folder
        self._tails: dict[str, Tail] = {}
        self._ends = Ends(bootstrap)
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "linger.ms": 5,
                "partitioner": "murmur2_random",
                "log_level": 0,
            }
        )

    def create_topics(self) -> "Stream":
        provision.ensure_topics(self.settings, [])
        return self

    def close(self) -> None:
        for worker in self.workers:
            if worker.is_running:
                worker.kill()
            print(worker.log[-_LOG_CHARS:])  # noqa: T201 - pytest shows it beside a failure
        for tail in self._tails.values():
            tail.close()

    # Workers

    def worker(self, **variables: str) -> WorkerProcess:
        """Start one more worker; it is ready some seconds later."""
        return self.start("worker", variables)

    def start(self, command: str, variables: Mapping[str, str]) -> WorkerProcess:
        """Start one more worker of a kind."""
        log = self._folder / f"{command}-{len(self.workers)}.log"
        started = WorkerProcess({**self.variables, **variables}, log, command)
        self.workers.append(started)
        return started

    # Producing

    def send(self, inputs: Iterable[Input]) -> list[Placed]:
        """Send records and wait for their acknowledgement; in the order given."""
        waiting: list[Placed | None] = []
        for each in inputs:
            waiting.append(None)
            self._produce(each, _put(waiting, len(waiting) - 1, each))
        assert self._producer.flush(_FLUSH_S) == 0
        placed = [each for each in waiting if each is not None]
        assert len(placed) == len(waiting)
        self.placed += placed
        return placed

    def write(self, inputs: Iterable[Input]) -> None:
        """Send records that are no input: nothing waits until they are applied."""
        before = len(self.placed)
        self.send(inputs)
        del self.placed[before:]

    def _produce(
        self, each: Input, delivered: Callable[[KafkaError | None, Message], None]
    ) -> None:
        name = self.prefix + each.topic.name
        while True:
            try:
                self._producer.produce(
                    name,
                    each.value,
                    each.key,
                    each.partition,
                    on_delivery=delivered,
                    timestamp=each.timestamp_ms,
                )
            except BufferError:
                self._producer.poll(0.1)
            else:
                self._producer.poll(0)
                return

    # What was written

    def read(self, topic: topics.Topic) -> list[Record]:
        """Everything committed to a topic by now."""
        tail = self._tails.get(topic.name)
        if tail is None:
            tail = Tail(self.bootstrap, self.prefix + topic.name, self.partitions)
            self._tails[topic.name] = tail
        return tail.read()

    def score_changes(self, user: str) -> list[dict[str, Any]]:
        """A person's score records, oldest first."""
        records = self.read(topics.SCORE_CHANGES)
        return [fields_of("Score", r.value) for r in records if r.value and r.key == user.encode()]

    def scores(self) -> dict[str, dict[str, Any] | None]:
        """The latest score record of each person; None where it is a tombstone."""
        latest = {(r.key or b"").decode(): r.value for r in self.read(topics.SCORES)}
        return {u: None if v is None else fields_of("Score", v) for u, v in latest.items()}

    def state(self) -> dict[bytes, bytes]:
        """The changelog's last value by key; what was removed is not in it."""
        latest = {(r.key or b""): r.value for r in self.read(topics.CHANGELOG)}
        return {k: v for k, v in latest.items() if v is not None and k != changelog.POSITION_KEY}

    def row(self, user: str) -> Any:
        """A person's FACTOR_ROW as the changelog has it; zeros for nobody."""
        return _unpacked(self.state().get(changelog.ROW + user.encode()), FACTOR_ROW)

    def ledger(self, user: str) -> Any:
        """A person's LEDGER_ROW as the changelog has it; zeros for nobody."""
        return _unpacked(self.state().get(changelog.LEDGER + user.encode()), LEDGER_ROW)

    def positions(self) -> list[tuple[int, Position]]:
        """Every position ever committed with its partition, in each one's order."""
        return [
            (r.partition, Position.decode(r.value))
            for r in self.read(topics.CHANGELOG)
            if r.key == changelog.POSITION_KEY and r.value
        ]

    def applied(self) -> int:
        """How many input records have been applied."""
        latest = dict(self.positions())
        return sum(offset + 1 for p in latest.values() for offset in p.applied.values())

    def partition_of(self, user: str) -> int:
        return partition_of(user, self.partitions)

    def neighbour_of(self, user: str, name: str) -> str:
        """A name, made from another, that shares a person's partition."""
        return next(
            made
            for made in (f"{name}-{number}" for number in itertools.count())
            if self.partition_of(made) == self.partition_of(user)
        )

    # Waiting

    def until_applied(self) -> None:
        """Return when all that was sent is applied and everybody's score is up to date.

        Nothing is on its way any more then: what any topic tells is what it tells in the end.
        """
        until(self._is_applied, self._how_far, APPLIED_S)

    def until_some_applied(self, records: int) -> None:
        until(lambda: self.applied() >= records, self._how_far, APPLIED_S)

    def until(self, holds: Callable[[], bool]) -> None:
        until(holds, self._how_far, APPLIED_S)

    def until_settled(self) -> None:
        """Return when no transaction is open in any topic."""
        self._ends.until_settled(self._parts())

    def _is_applied(self) -> bool:
        ends = self._settled()
        # What is written meanwhile may be a signal that is to be applied too.
        return ends is not None and self._has_reached_inputs() and self._settled() == ends

    def _settled(self) -> dict[Part, int] | None:
        return self._ends.settled(self._parts())

    def _parts(self) -> list[TopicPartition]:
        return [
            TopicPartition(self.prefix + topic.name, number)
            for topic in topics.ALL
            for number in range(self.partitions)
        ]

    def _has_reached_inputs(self) -> bool:
        latest = dict(self.positions())
        for number in range(self.partitions):
            position = latest.get(number, Position())
            due = self._last_offsets(number)
            if any(position.applied.get(name, -1) < offset for name, offset in due.items()):
                return False
            if position.watermark_ms and position.swept_month != _month(position.watermark_ms):
                return False
        return True

    def _last_offsets(self, partition: int) -> dict[str, int]:
        """Each input topic's last record; what is behind it are transactions' marks."""
        last = {p.topic.name: p.record.offset for p in _of(partition, self.placed)}
        signals = [r.offset for r in self.read(topics.PEER_SIGNALS) if r.partition == partition]
        if signals:
            last[topics.PEER_SIGNALS.name] = max(last.get(topics.PEER_SIGNALS.name, -1), *signals)
        return last

    def _how_far(self) -> str:
        latest = {number: json.loads(p.encode()) for number, p in self.positions()}
        due = {number: self._last_offsets(number) for number in range(self.partitions)}
        logs = "\n".join(worker.log[-_LOG_CHARS:] for worker in self.workers)
        return f"applied {latest}\ndue {due}\n{logs}"


def partition_of(user: str, partitions: int) -> int:
    """Where Kafka's default partitioner puts a person."""
    return int((murmur2(user.encode()) & 0x7FFFFFFF) % partitions)


def until(holds: Callable[[], bool], why_not: Callable[[], str], limit_s: float) -> None:
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline, f"not so after {limit_s} s: {why_not()}"
        time.sleep(_POLL_S)


def _put(
    waiting: list[Placed | None], place: int, sent: Input
) -> Callable[[KafkaError | None, Message], None]:
    def delivered(error: KafkaError | None, message: Message) -> None:
        assert error is None, error
        partition, offset = message.partition(), message.offset()
        assert partition is not None
        assert offset is not None
        record = Record(partition, offset, message.timestamp()[1], sent.key, sent.value)
        waiting[place] = Placed(sent.topic, record, sent.reason)

    return delivered


def _of(partition: int, placed: Iterable[Placed]) -> list[Placed]:
    # A copy: the load's thread may be adding to it.
    return [each for each in list(placed) if each.record.partition == partition]


def _unpacked(value: bytes | None, dtype: Any) -> Any:
    return np.frombuffer(value or bytes(dtype.itemsize), dtype)[0]


def _month(at_ms: int) -> int:
    at = time.gmtime(at_ms / 1000)
    return (at.tm_year - 1970) * 12 + at.tm_mon - 1
