"""Follows the topics the pipeline writes, as any consumer would: read committed."""

import threading
from collections import Counter
from types import TracebackType
from typing import Any, Self

from confluent_kafka import Consumer, Message, TopicPartition

from pipeline.codec.encode import decode_record
from pipeline.codec.registry import SchemaRegistry
from pipeline.dev.demo.background import Background
from pipeline.dev.demo.errors import DemoError
from pipeline.kafka import confluent_config
from pipeline.settings import Settings
from pipeline.topics import DEAD_LETTERS, SCORES

_POLL_S = 0.2
_POLL_RECORDS = 5_000

Score = dict[str, Any]


class Outputs:
    """Everybody's latest score and the dead letters by reason, kept current by a thread."""

    def __init__(self, settings: Settings, registry: SchemaRegistry) -> None:
        self._settings = settings
        self._registry = registry
        self._lock = threading.Lock()
        self._fresh: dict[bytes, bytes | None] = {}
        self._scores: dict[bytes, Score] = {}
        self._stop = threading.Event()
        self._thread: Background[None] | None = None
        self.dead_letters: Counter[str] = Counter()
        self.score_records = 0

    def __enter__(self) -> Self:
        self._thread = Background(self._follow)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Follow no more; what was read stays."""
        self._stop.set()
        if self._thread is not None:
            self._thread.wait(10 * _POLL_S)

    def check(self) -> None:
        """Raise what ended the thread, if anything did."""
        if self._thread is not None and self._thread.done:
            self._thread.result()

    def scores(self) -> dict[bytes, Score]:
        """The latest Score record of everybody who has one, by user id."""
        with self._lock:
            fresh, self._fresh = self._fresh, {}
        for user, value in fresh.items():
            if value is None:
                self._scores.pop(user, None)
            else:
                self._scores[user] = decode_record(value, self._registry)
        return self._scores

    def _follow(self) -> None:
        consumer = Consumer(
            {
                **confluent_config(self._settings),
                "group.id": f"{self._settings.topic_prefix}demo",  # needed, but never joined
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": round(_POLL_S * 1_000),
                "log_level": 0,
            }
        )
        try:
            consumer.assign(
                [
                    TopicPartition(self._settings.topic(topic.name), partition, 0)
                    for topic in (SCORES, DEAD_LETTERS)
                    for partition in range(self._settings.partitions)
                ]
            )
            while not self._stop.is_set():
                self._take(consumer.consume(_POLL_RECORDS, _POLL_S))
        finally:
            consumer.close()

    def _take(self, messages: list[Message]) -> None:
        scores = self._settings.topic(SCORES.name)
        with self._lock:
            for message in messages:
                error = message.error()
                if error is not None:
                    if error.retriable():
                        continue
                    raise DemoError(f"reading {message.topic()}: {error.str()}")
                if message.topic() == scores:
                    self._fresh[message.key() or b""] = message.value()
                    self.score_records += 1
                else:
                    self.dead_letters[_reason(message)] += 1


def _reason(message: Message) -> str:
    headers = dict(message.headers() or [])
    value = headers.get("dlq.reason") or b""
    return value.decode() if isinstance(value, bytes) else value
