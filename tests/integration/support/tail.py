"""Reads what is committed to a topic, and where open transactions begin."""

import time
from collections.abc import Iterable
from typing import Any

from confluent_kafka import (
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from pipeline.dev.chaos.records import Record, record_of

__all__ = ["Ends", "Part", "Record", "Tail"]

_READ_S = 120.0
_POLL_S = 0.02

Part = tuple[str, int]
"""Topic and partition."""


class Tail:
    """All that is committed to a topic so far; ``read`` brings it up to date."""

    def __init__(self, bootstrap: str, topic: str, partitions: int) -> None:
        self.records: list[Record] = []
        self._parts = [TopicPartition(topic, number, 0) for number in range(partitions)]
        self._ends = Ends(bootstrap)
        self._reached = dict.fromkeys(range(partitions), 0)
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "tail",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 20,
                "log_level": 0,
            }
        )
        self._consumer.assign(self._parts)

    def read(self) -> list[Record]:
        """Everything committed by now, each partition in its order."""
        ends = self._ends.committed(self._parts)
        deadline = time.monotonic() + _READ_S
        while any(self._reached[number] < end for number, end in ends.items()):
            for message in self._consumer.consume(10_000, 0.02):
                self._take(message)
            assert time.monotonic() < deadline, f"{self._reached} of {ends} after {_READ_S} s"
        return self.records

    def close(self) -> None:
        self._consumer.close()

    def _take(self, message: Message) -> None:
        error, partition, offset = message.error(), message.partition(), message.offset()
        assert partition is not None
        assert offset is not None
        if error is not None:
            assert error.code() == KafkaError._PARTITION_EOF, error
            self._reached[partition] = max(self._reached[partition], offset)
            return
        self._reached[partition] = max(self._reached[partition], offset + 1)
        self.records.append(record_of(message))


class Ends:
    """Where partitions end, for who reads only what is committed and for everybody."""

    def __init__(self, bootstrap: str) -> None:
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})

    def committed(self, parts: Iterable[TopicPartition]) -> dict[int, int]:
        """By partition, of one topic."""
        ends = self._offsets(parts, IsolationLevel.READ_COMMITTED)
        return {number: end for (_, number), end in ends.items()}

    def written(self, parts: Iterable[TopicPartition]) -> dict[int, int]:
        """By partition, of one topic."""
        ends = self._offsets(parts, IsolationLevel.READ_UNCOMMITTED)
        return {number: end for (_, number), end in ends.items()}

    def settled(self, parts: Iterable[TopicPartition]) -> dict[Part, int] | None:
        """Where they end, of any topics; None while a transaction is open in one.

        A commit comes to be seen in one partition after the other, all after it was answered.
        """
        asked = list(parts)
        written = self._offsets(asked, IsolationLevel.READ_UNCOMMITTED)
        committed = self._offsets(asked, IsolationLevel.READ_COMMITTED)
        return written if committed == written else None

    def until_settled(self, parts: Iterable[TopicPartition]) -> None:
        """Return when all that was committed or aborted so far is seen to be so."""
        asked = list(parts)
        deadline = time.monotonic() + _READ_S
        while self.settled(asked) is None:
            assert time.monotonic() < deadline, f"open transactions after {_READ_S} s"
            time.sleep(_POLL_S)

    def _offsets(
        self, parts: Iterable[TopicPartition], isolation: IsolationLevel
    ) -> dict[Part, int]:
        asked = {TopicPartition(p.topic, p.partition): _latest() for p in parts}
        deadline = time.monotonic() + _READ_S
        while True:
            answers = self._admin.list_offsets(asked, isolation_level=isolation)
            try:
                return {
                    (part.topic, part.partition): future.result().offset
                    for part, future in answers.items()
                }
            except KafkaException:
                # A new topic's leaders are not known everywhere at once.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)


def _latest() -> Any:
    return OffsetSpec.latest()  # type: ignore[no-untyped-call]  # its module has no types
