"""Fetch answers whose records are not copied out of the frame they came in.

aiokafka reads answers field by field from a stream, and the records of a partition by a copy.

    answer: throttle, error, session, [topic, [partition, error, high watermark, last stable
            offset, first offset, [aborted producer, first offset], replica, records]]

Of the protocol's version 11, which Kafka has understood since 2.3; older ones are aiokafka's:
https://kafka.apache.org/protocol.html#The_Messages_Fetch
"""

import struct
from typing import Any, Final

from aiokafka.protocol.fetch import FetchRequest, FetchRequest_v11

_COUNT = struct.Struct(">i")
_TEXT = struct.Struct(">h")
_HEAD = struct.Struct(">ihi")
_PARTITION = struct.Struct(">ihqqq")
_ABORTED = struct.Struct(">qq")
_REPLICA_AND_SIZE = struct.Struct(">ii")

Fetched = tuple[Any, ...]
"""A partition's fields in the order above, the last one ``bytes`` or a view of the frame."""


class FetchAnswer:
    """An answer as aiokafka's fetcher takes it.

    Records are views where all of the frame are of one partition. Of several, one that is not
    read on would keep those of all in memory: then each has a copy of its own.
    """

    API_VERSION: Final = 11

    def __init__(self, topics: list[tuple[str, list[Fetched]]]) -> None:
        """Hold partitions by topic."""
        self.topics = topics

    @classmethod
    def read(cls, frame: memoryview) -> "FetchAnswer":
        """Read what follows the answer's header.

        Raises:
            ValueError: It is cut off, or a topic's name is no text.
        """
        try:
            topics = _topics(frame, _HEAD.size)
        except (struct.error, UnicodeDecodeError) as error:
            raise ValueError(f"a fetch answer of {len(frame)} bytes: {error}") from error
        if sum(1 for _, partitions in topics for fetched in partitions if fetched[-1]) > 1:
            topics = [
                (topic, [(*fetched[:-1], bytes(fetched[-1])) for fetched in partitions])
                for topic, partitions in topics
            ]
        return cls(topics)


class FetchInPlace(FetchRequest_v11):  # type: ignore[misc] # untyped
    """A request that `FetchAnswer` is read for."""


class Fetch(FetchRequest):  # type: ignore[misc] # untyped
    """aiokafka's request, answered by `FetchAnswer` where the broker understands the version."""

    def build(self, request_struct_class: Any) -> Any:
        """The request as one version of the protocol has it."""
        in_place = request_struct_class is FetchRequest_v11
        return super().build(FetchInPlace if in_place else request_struct_class)


def _topics(frame: memoryview, at: int) -> list[tuple[str, list[Fetched]]]:
    topics: list[tuple[str, list[Fetched]]] = []
    count, at = _count(frame, at)
    for _ in range(count):
        (length,) = _TEXT.unpack_from(frame, at)
        at += _TEXT.size
        partitions: list[Fetched] = []
        topics.append((str(frame[at : at + length], "utf-8"), partitions))
        many, at = _count(frame, at + length)
        for _ in range(many):
            fetched, at = _partition(frame, at)
            partitions.append(fetched)
    return topics


def _partition(frame: memoryview, at: int) -> tuple[Fetched, int]:
    head = _PARTITION.unpack_from(frame, at)
    count, at = _count(frame, at + _PARTITION.size)
    aborted = []
    for _ in range(count):  # -1 where there are none
        aborted.append(_ABORTED.unpack_from(frame, at))
        at += _ABORTED.size
    replica, size = _REPLICA_AND_SIZE.unpack_from(frame, at)
    at += _REPLICA_AND_SIZE.size
    end = at + max(size, 0)
    if end > len(frame):
        raise struct.error(f"{size} bytes where {len(frame) - at} are left")
    return (*head, aborted, replica, frame[at:end]), end


def _count(frame: memoryview, at: int) -> tuple[int, int]:
    (count,) = _COUNT.unpack_from(frame, at)
    return count, at + _COUNT.size
