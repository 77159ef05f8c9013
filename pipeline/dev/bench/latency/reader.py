"""A partner's eye: a process that reads what is committed and notes when it could.

A process of its own, so that sending never holds it up. It keeps only the records of people who
probe, undecoded, with the time they were handed over.
"""

import multiprocessing
import time
from collections.abc import Collection
from multiprocessing.connection import Connection
from types import TracebackType
from typing import NamedTuple, Self

from confluent_kafka import OFFSET_END, Consumer, KafkaException, TopicPartition

from pipeline.errors import SesameError
from pipeline.kafka import confluent_config
from pipeline.settings import Settings

_POLL_S = 0.05
_LOOK_NS = 50_000_000
_ANSWER_S = 60.0


class Arrival(NamedTuple):
    """A record and when it could be read, by the monotonic clock all processes share."""

    at_ns: int
    key: bytes
    value: bytes


class Reader:
    """Reads one topic from its end on, until ``stop``."""

    def __init__(self, settings: Settings, topic: str, keys: Collection[bytes]) -> None:
        """Set up for the records of ``keys`` on a topic of the settings."""
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        arguments = (theirs, settings, settings.topic(topic), frozenset(keys))
        self._process = context.Process(target=_read, args=arguments, daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        if not self._ours.poll(_ANSWER_S) or self._ours.recv() is not None:
            raise SesameError("the reader did not start")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.join()

    def take(self) -> list[Arrival]:
        """What has arrived since the last time, in order.

        Raises:
            SesameError: The reader ended or does not answer.
        """
        self._ours.send(None)
        if not self._ours.poll(_ANSWER_S):
            raise SesameError("the reader does not answer")
        try:
            arrivals: list[Arrival] = self._ours.recv()
        except EOFError as error:
            raise SesameError("the reader ended") from error
        return arrivals


def _read(asked: Connection, settings: Settings, topic: str, keys: frozenset[bytes]) -> None:
    consumer = Consumer(
        {
            **confluent_config(settings),
            "group.id": f"{settings.topic_prefix}latency",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            # The library's defaults otherwise: a fetch returns with the first byte there is.
        }
    )
    ends = [TopicPartition(topic, number) for number in range(settings.partitions)]
    for place in ends:
        place.offset = consumer.get_watermark_offsets(place, timeout=_ANSWER_S)[1]
        if place.offset < 0:
            place.offset = OFFSET_END
    consumer.assign(ends)
    consumer.poll(0)
    asked.send(None)
    arrived: list[Arrival] = []
    looked_ns = 0
    while True:
        # One by one: several at once would be waited for.
        message = consumer.poll(_POLL_S)
        at_ns = time.monotonic_ns()
        if message is not None:
            if (error := message.error()) is not None:
                raise KafkaException(error)
            key = bytes(message.key() or b"")
            if key in keys:
                arrived.append(Arrival(at_ns, key, bytes(message.value() or b"")))
        if at_ns >= looked_ns + _LOOK_NS:
            looked_ns = at_ns
            if asked.poll():
                asked.recv()
                asked.send(arrived)
                arrived = []
