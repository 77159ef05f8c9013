"""`sesame replay` and `sesame archive` as processes of their own, and what they did."""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from pipeline import topics
from pipeline.dev.chaos.witness import Witness
from pipeline.streaming import changelog, generations
from pipeline.streaming.position import Position
from tests.integration.support.stream import Placed, Stream
from tests.integration.support.tail import Ends, Record, Tail
from tests.integration.support.worker import PATIENT

_LIMIT_S = 600.0


class Replays:
    """Commands on a stream, and its state in whatever generation it is."""

    def __init__(self, stream: Stream, folder: Path) -> None:
        self.stream = stream
        self.folder = folder
        self.archive = folder / "archive"

    def run(self, *arguments: str, status: int = 0, **variables: str) -> dict[str, Any]:
        """The JSON that a command prints."""
        process = self.start(*arguments, "--json", **variables)
        out, err = process.communicate(timeout=_LIMIT_S)
        assert process.returncode == status, f"{arguments}: {process.returncode}\n{out}\n{err}"
        found: dict[str, Any] = json.loads(out)
        return found

    def refused(self, *arguments: str, status: int = 1) -> str:
        """The complaint of a command that does nothing."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=_LIMIT_S)
        assert process.returncode == status, f"{arguments}: {process.returncode}\n{out}\n{err}"
        return err

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        kept = {name: v for name, v in os.environ.items() if not name.startswith("SESAME_")}
        return subprocess.Popen(  # noqa: S603 - this project's own commands
            [sys.executable, "-m", "pipeline.cli.main", *arguments],
            env={**kept, **self.stream.variables, **PATIENT, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def until_stopped(self, process: "subprocess.Popen[str]") -> None:
        """Return when a failpoint has made it stand still."""
        stat = Path(f"/proc/{process.pid}/stat")
        self.stream.until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T")

    def read(self, topic: topics.Topic) -> list[Record]:
        """Everything in a topic, from its beginning, read anew."""
        tail = Tail(self.stream.bootstrap, self.stream.prefix + topic.name, self.stream.partitions)
        try:
            return list(tail.read())
        finally:
            tail.close()

    def generation(self, partition: int) -> int:
        """The one a partition's state is in."""
        pointers = [r for r in self.read(topics.GENERATIONS) if r.partition == partition]
        return generations.decode(pointers[-1].value or b"") if pointers else 1

    def state(self) -> dict[bytes, bytes]:
        """Everything kept of people by key, each partition in its generation."""
        found: dict[bytes, bytes] = {}
        for partition in range(self.stream.partitions):
            latest = self._latest(partition)
            latest.pop(changelog.POSITION_KEY, None)
            found |= {key: value for key, value in latest.items() if value is not None}
        return found

    def positions(self) -> list[Position]:
        """Where each partition stands."""
        found = []
        for partition in range(self.stream.partitions):
            value = self._latest(partition).get(changelog.POSITION_KEY)
            found.append(Position.decode(value) if value else Position())
        return found

    def _latest(self, partition: int) -> dict[bytes, bytes | None]:
        topic = topics.changelog_of(self.generation(partition))
        return {r.key or b"": r.value for r in self.read(topic) if r.partition == partition}

    def until_caught_up(self, witness: Witness) -> None:
        """Return when all that was sent is in the journal, sweeps done, and the witness knows."""
        self.stream.until(lambda: witness.behind() == 0)
        parts = itertools.product(self.names(), range(self.stream.partitions))
        Ends(self.stream.bootstrap).until_settled(
            TopicPartition(self.stream.prefix + name, number) for name, number in parts
        )
        witness.until_read()

    def have_applied(self, placed: Iterable[Placed]) -> bool:
        """Whether lanes have got as far as these records."""
        positions = self.positions()
        return all(
            positions[p.record.partition].applied.get(p.topic.name, -1) >= p.record.offset
            for p in placed
        )

    def names(self) -> set[str]:
        """The topics that are there, prefix left out."""
        prefix = self.stream.prefix
        admin = AdminClient({"bootstrap.servers": self.stream.bootstrap, "log_level": 0})
        listed = admin.list_topics(timeout=_LIMIT_S).topics
        return {name.removeprefix(prefix) for name in listed if name.startswith(prefix)}

    def write_by_hand(
        self, topic: topics.Topic, partition: int, key: bytes, value: bytes | None
    ) -> None:
        """Put a record where no producer should."""
        producer = Producer({"bootstrap.servers": self.stream.bootstrap, "log_level": 0})
        producer.produce(self.stream.prefix + topic.name, value, key, partition)
        assert producer.flush(_LIMIT_S) == 0

    def forget(self, topic: topics.Topic, partition: int, before: int) -> None:
        """Delete records as retention does."""
        part = TopicPartition(self.stream.prefix + topic.name, partition, before)
        admin = AdminClient({"bootstrap.servers": self.stream.bootstrap, "log_level": 0})
        for future in admin.delete_records([part]).values():
            future.result(_LIMIT_S)
