"""Produce requests: batches are built once, and go to the socket as they lie.

aiokafka's own joins a batch into a list, that into a topic, that into a request and so on, each a
copy of all records; and it decodes answers field by field.

    request: header, transactional id, acks, timeout, [topic, [partition, batch]]
    answer:  correlation id, [topic, [partition, error, offset, time, first offset]], throttle

Of the protocol's version 7, which Kafka has understood since 2.1:
https://kafka.apache.org/protocol.html#The_Messages_Produce
"""

import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO

from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.structs import TopicPartition

from pipeline.streaming.records import Header

BATCH_BYTES_MAX = 900_000
"""Of one batch: under the broker's default ``message.max.bytes`` of 1,048,588."""

Message = tuple[bytes | None, bytes | None, Sequence[Header]]
"""Key, value and headers."""
Piece = bytes | bytearray

_API_KEY = 0
_API_VERSION = 7
_ALL_REPLICAS = -1
_COUNT = struct.Struct(">i")
_LENGTH = struct.Struct(">h")
_HEADER = struct.Struct(">hhi")
_ACKS = struct.Struct(">hi")
_PARTITION = struct.Struct(">ii")
_OUTCOME = struct.Struct(">ihqqq")


@dataclass(frozen=True, slots=True)
class Batch:
    """Records for one partition of one topic, as they are written to its log."""

    place: TopicPartition
    data: bytearray


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch."""

    error: int
    """The protocol's number of it; 0: none."""
    offset: int
    """Of the batch's first record; negative if it had been written before."""


def fill(
    builder: DefaultRecordBatchBuilder,
    record: Message,
    following: Iterator[Message],
    timestamp_ms: int | None = None,
) -> tuple[int, Message | None]:
    """Append records until no more fits; returns how many did, and the first that did not.

    Their timestamp is that of now where none is given.
    """
    append = builder.append
    at_ms = time.time_ns() // 1_000_000 if timestamp_ms is None else timestamp_ms
    none: list[Header] = []
    count = 0
    left: Message | None = record
    while left is not None:
        key, value, headers = left
        # A batch's first record is taken whatever its size.
        if append(count, at_ms, key, value, list(headers) if headers else none) is None:
            break
        count += 1
        left = next(following, None)
    return count, left


class Produced:
    """An answer as aiokafka's connections decode it."""

    def __init__(self, outcomes: Mapping[TopicPartition, Outcome]) -> None:
        self.outcomes = outcomes

    @classmethod
    def decode(cls, data: BytesIO) -> "Produced":
        """Read what follows the answer's header."""
        view = data.getbuffer()[data.tell() :]
        outcomes: dict[TopicPartition, Outcome] = {}
        (topics,) = _COUNT.unpack_from(view)
        at = _COUNT.size
        for _ in range(topics):
            (length,) = _LENGTH.unpack_from(view, at)
            at += _LENGTH.size
            topic = str(view[at : at + length], "utf-8")
            at += length
            (partitions,) = _COUNT.unpack_from(view, at)
            at += _COUNT.size
            for _ in range(partitions):
                partition, error, offset, _, _ = _OUTCOME.unpack_from(view, at)
                at += _OUTCOME.size
                outcomes[TopicPartition(topic, partition)] = Outcome(error, offset)
        return cls(outcomes)


class Produce:
    """A request with at most one batch for each partition."""

    RESPONSE_TYPE = Produced
    """What aiokafka's connections have decode the answer."""

    def __init__(self, transactional_id: str, timeout_ms: int, batches: Sequence[Batch]) -> None:
        self._transactional_id = transactional_id
        self._timeout_ms = timeout_ms
        self._batches = batches

    def encode(self, correlation_id: int, client_id: str) -> list[Piece]:
        """The request with its length and its header, in pieces to be sent one after the other."""
        by_topic: dict[str, list[Batch]] = {}
        for batch in self._batches:
            by_topic.setdefault(batch.place.topic, []).append(batch)
        head = bytearray()
        head += _HEADER.pack(_API_KEY, _API_VERSION, correlation_id)
        head += _text(client_id)
        head += _text(self._transactional_id)
        head += _ACKS.pack(_ALL_REPLICAS, self._timeout_ms)
        head += _COUNT.pack(len(by_topic))
        pieces: list[Piece] = []
        for topic, batches in by_topic.items():
            head += _text(topic)
            head += _COUNT.pack(len(batches))
            for batch in batches:
                head += _PARTITION.pack(batch.place.partition, len(batch.data))
                pieces += (head, batch.data)
                head = bytearray()
        return [_COUNT.pack(sum(map(len, pieces))), *pieces]

    @staticmethod
    def parse_response_header(data: BytesIO) -> "AnswerHeader":
        """Read an answer's header; aiokafka's connections compare its number."""
        return AnswerHeader(*_COUNT.unpack(data.read(_COUNT.size)))


@dataclass(frozen=True, slots=True)
class AnswerHeader:
    """Which request an answer is to."""

    correlation_id: int


def _text(text: str) -> bytes:
    data = text.encode()
    return _LENGTH.pack(len(data)) + data
