"""People's rows as a worker would hold them, and as many copies of them as are wanted.

A simulated history goes through the worker's own steps, without Kafka between; copies of
its people under other names fill a large changelog.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from kafka.partitioner.default import murmur2

from pipeline import topics
from pipeline.codec.murmur import partition_of
from pipeline.codec.open import open_registry
from pipeline.dev.bench.workload import Workload
from pipeline.factors.admission import Policy
from pipeline.factors.months import month_of_ms
from pipeline.factors.state import BatchState
from pipeline.scoring.model import load_model
from pipeline.settings import Settings
from pipeline.streaming import changelog, step
from pipeline.streaming.arrivals import decode
from pipeline.streaming.position import Position
from pipeline.streaming.records import Entry, Header
from pipeline.streaming.store import PartitionStore

KAFKA_MS = 4_000_000_000_000
"""A timestamp that no event is ahead of."""


class Record(NamedTuple):
    """A record as the lanes take it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...] = ()


@dataclass(slots=True)
class Replay:
    """The worker's steps on records at hand, everybody in one store."""

    context: step.StepContext
    store: PartitionStore = field(default_factory=PartitionStore)
    position: Position = field(default_factory=Position)

    def apply(self, records: dict[str, list[Record]]) -> list[Entry]:
        """Apply a batch, and what people tell each other because of it; the scores that follow."""
        scores: list[Entry] = []
        while records:
            decoded = decode(records, self.context.registry)
            folded = step.fold(self.store, decoded, self.position, self.context)
            output = step.finish(folded, self.position, self.context)
            for user in output.erased:
                self.store.remove(user)
            self.store.scatter(output.state, output.changed)
            self.position = output.position
            scores += output.scores
            signals = [Record(0, KAFKA_MS, key, value) for key, value in output.peer_signals]
            records = {topics.PEER_SIGNALS.name: signals} if signals else {}
        return scores


def fold(workload: Workload, settings: Settings) -> Replay:
    """The state that a workload leaves."""
    replay = new_replay(settings)
    registry = replay.context.registry
    for traffic in (workload.consents(registry), workload.data(registry)):
        for chunk in traffic.chunks():
            records: dict[str, list[Record]] = defaultdict(list)
            for number, sent in enumerate(chunk.records):
                records[sent.topic.name].append(Record(number, KAFKA_MS, sent.key, sent.value))
            replay.apply(dict(records))
    return replay


def new_replay(settings: Settings) -> Replay:
    """The steps of a worker with these settings, before any record."""
    registry = open_registry(settings)
    context = step.StepContext(
        registry=registry,
        model=load_model(settings.model),
        policy=Policy(lateness_days=settings.lateness_days),
        partition=0,
        partitions=settings.partitions,
        topic_prefix=settings.topic_prefix,
    )
    return Replay(context)


class Template(NamedTuple):
    """One person's changelog entries: kinds and values."""

    user: bytes
    entries: tuple[tuple[bytes, bytes], ...]


def templates(store: PartitionStore) -> list[Template]:
    """Everybody's entries as the changelog would have them."""
    users = [user for chunk in store.chunks(len(store) or 1) for user in chunk]
    state = store.gather(users)
    by_user: dict[bytes, list[tuple[bytes, bytes]]] = defaultdict(list)
    everybody = range(len(users))
    for key, value in changelog.entries(BatchState.empty(users), state, everybody):
        by_user[key[1:]].append((key[:1], value or b""))
    return [Template(user, tuple(entries)) for user, entries in by_user.items()]


def copies(
    originals: Sequence[Template], people: int, partitions: int
) -> Iterator[list[list[Entry]]]:
    """The entries of so many people, round by round, each round by partition.

    Kind after kind, as a lane writes what a transaction changes.
    """
    for first in range(0, people, len(originals)):
        by_partition: list[list[Entry]] = [[] for _ in range(partitions)]
        for original in originals[: people - first]:
            user = _name(original, first)
            chosen = by_partition[partition_of(murmur2(user), partitions)]
            chosen.extend((kind + user, value) for kind, value in original.entries)
        for chosen in by_partition:
            chosen.sort(key=_kind_of)
        yield by_partition


def _kind_of(entry: Entry) -> int:
    key, _ = entry
    return changelog.KINDS.index(key[:1])


def name_of(originals: Sequence[Template], number: int) -> bytes:
    """What `copies` calls the person of a number, in its order, counted from 0."""
    place = number % len(originals)
    return _name(originals[place], number - place)


def _name(original: Template, first: int) -> bytes:
    return original.user + b"-%d" % first


def swept(position: Position) -> Position:
    """A position after which nobody is due to be scored again."""
    watermark_ms = position.watermark_ms
    return Position({}, watermark_ms, int(month_of_ms(watermark_ms)))
