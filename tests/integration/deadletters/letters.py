"""Dead letters as the pipeline writes them, put there by hand."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from pipeline import topics
from pipeline.deadletters.letter import Place
from tests.integration.support.records import NOW_MS, fields_for, value_of
from tests.integration.support.stream import Stream, partition_of
from tests.integration.support.tail import Record

FAILED_AT_MS = NOW_MS - 3_600_000


@dataclass(frozen=True)
class Post:
    """A refused record; the rest is as the pipeline would have it."""

    user: str
    topic: topics.Topic = topics.PAYMENTS
    reason: str = "INVALID"
    error: str = "a rule was broken"
    value: bytes | None = b"\1"
    key: bytes | None = b"-"
    offset: int = 7
    failed_at_ms: int = FAILED_AT_MS
    headers: Sequence[tuple[str, bytes]] = ()


def payment(user: str, **changes: Any) -> bytes:
    at_ms = changes.pop("at_ms", NOW_MS)
    return value_of(topics.PAYMENTS, fields_for(topics.PAYMENTS, user, at_ms, **changes))


def post(stream: Stream, posts: Sequence[Post]) -> list[Place]:
    """Put letters where the pipeline would; their places, in the same order."""
    places: dict[int, Place] = {}
    producer = Producer(
        {"bootstrap.servers": stream.bootstrap, "message.max.bytes": 3_000_000, "log_level": 0}
    )
    for at, each in enumerate(posts):

        def kept(error: KafkaError | None, message: Message, at: int = at) -> None:
            assert error is None, error
            partition, offset = message.partition(), message.offset()
            assert partition is not None
            assert offset is not None
            places[at] = Place(partition, offset)

        partition = partition_of(each.user, stream.partitions)
        said = {
            "topic": stream.prefix + each.topic.name,
            "partition": partition,
            "offset": each.offset,
            "reason": each.reason,
            "error": each.error,
            "failed_at": each.failed_at_ms,
        }
        producer.produce(
            stream.prefix + topics.DEAD_LETTERS.name,
            each.value,
            each.user.encode() if each.key == b"-" else each.key,
            partition,
            on_delivery=kept,
            headers=[*((f"dlq.{k}", str(v).encode()) for k, v in said.items()), *each.headers],
        )
        producer.poll(0)
    assert producer.flush(120) == 0
    return [places[at] for at in range(len(posts))]


def read(stream: Stream, topic: topics.Topic, records: int) -> list[Record]:
    """What a topic holds, once it is that much: a commit is seen a moment after it is done."""
    stream.until(lambda: len(stream.read(topic)) >= records)
    found = stream.read(topic)
    assert len(found) == records
    return found


def marks(stream: Stream, records: int) -> dict[str, Record]:
    """Every letter's mark, of so many records."""
    found = read(stream, topics.DEAD_LETTER_REDRIVES, records)
    return {(record.key or b"").decode(): record for record in found}


class Command:
    """``sesame dlq`` as a process of its own, to be killed or stopped for a while."""

    def __init__(self, variables: Mapping[str, str], log: Path, *arguments: str) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SESAME_")}
        self.log = log
        with log.open("wb") as out:
            self._process = subprocess.Popen(  # noqa: S603 - our own
                [sys.executable, "-m", "pipeline.cli.main", "dlq", *arguments],
                env={**kept, **variables},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(120)

    def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def status(self) -> int:
        return self._process.wait(240)
