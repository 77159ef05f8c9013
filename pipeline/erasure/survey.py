"""Reads what the topics hold of a person, and reads on from there."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from kafka.errors import AuthorizationError
from kafka.partitioner.default import murmur2

from pipeline import topics
from pipeline.codec.murmur import partition_of
from pipeline.codec.registry import SchemaRegistry
from pipeline.erasure.sought import OTHERS_LINKS, Search, Sought, changelogs
from pipeline.erasure.trace import Kept, Trace
from pipeline.errors import KafkaUnreachableError
from pipeline.reading import LogReader
from pipeline.streaming.changelog import POSITION_KEY
from pipeline.streaming.position import Position
from pipeline.topics import Topic

_STATE = (topics.CHANGELOG.name, topics.GATEWAY_CHANGELOG.name)
Partition = tuple[str, int]
"""A topic's name without prefix, and a partition's number."""


@dataclass(slots=True)
class Found:
    """What the topics hold of a person.

    ``traces`` by partition and key; ``positions`` are the newest of the partitions of
    changelogs; ``unseen`` says why a topic could not be read.
    """

    traces: dict[Partition, dict[bytes, Trace]] = field(default_factory=dict)
    positions: dict[Partition, Position] = field(default_factory=dict)
    unseen: dict[str, str] = field(default_factory=dict)

    def each(self) -> Iterator[tuple[Partition, Trace]]:
        """Every trace with its partition, in order."""
        for partition in sorted(self.traces):
            for _, trace in sorted(self.traces[partition].items()):
                yield partition, trace

    def of(self, topic: Topic) -> Iterator[tuple[int, Trace]]:
        """The traces in a topic, with their partitions' numbers."""
        return ((number, trace) for (name, number), trace in self.each() if name == topic.name)

    def applied(self, names: Iterable[str], partition: int, topic: str) -> int | None:
        """The last offset of ``topic`` that any of these changelogs has applied; None: no state."""
        known = [self.positions.get((name, partition)) for name in names]
        return max((p.applied.get(topic, -1) for p in known if p is not None), default=None)


class Survey:
    """Follows a person through the topics; each call reads on where the last one ended."""

    def __init__(self, reader: LogReader, registry: SchemaRegistry, user: str) -> None:
        self._reader = reader
        self._next: dict[Partition, int] = {}
        self._names: set[str] = set()
        self.sought = Sought(user, registry)
        self.found = Found()
        self.changelogs: list[Topic] = [topics.CHANGELOG]

    @property
    def homes(self) -> list[int]:
        """The partitions the person lives in: by Kafka's partitioner, and where there is a row."""
        numbers = self._reader.require(topics.CONSENTS)
        home = partition_of(murmur2(self.sought.key), len(numbers))
        rows = {
            number
            for topic in self.changelogs
            for number, trace in self.found.of(topic)
            if trace.table != OTHERS_LINKS
        }
        return sorted({home} | rows)

    def read(self) -> Found:
        """Bring everything up to date."""
        self.read_states()
        for search in self.sought.logs():
            self._look_through(search)
        return self.found

    def read_states(self) -> Found:
        """Bring the changelogs up to date, and what tells of the person's subjects."""
        self._names = self._reader.names()
        self.changelogs = changelogs(self._names) or [topics.CHANGELOG]
        known = len(self.sought.subjects)
        for search in self.sought.states(self.changelogs):
            self._look_through(search)
        if len(self.sought.subjects) != known:
            # What lies under a subject that has just come to light may lie further back.
            self._forget_subject_topics()
        return self.found

    def read_erasure(self) -> Found:
        """Bring up to date what shows whether an erasure is applied everywhere."""
        self.read_states()
        for search in self.sought.logs():
            if search.topic in (topics.SCORES, topics.PEER_SIGNALS):
                self._look_through(search)
        return self.found

    def _forget_subject_topics(self) -> None:
        """Have topics with subjects as keys read anew."""
        keyed = {t.name for t in topics.for_partners(sorted(self.sought.partners))}
        keyed |= {topics.GATEWAY_INBOX.name, topics.DEAD_LETTERS.name}
        for partition in [p for p in self._next if p[0] in keyed]:
            del self._next[partition]
            self.found.traces.pop(partition, None)

    def _look_through(self, search: Search) -> None:
        name = search.topic.name
        if name in self.found.unseen:
            return
        try:
            if name not in self._names:
                self.found.unseen[name] = "it is not there, or may not be seen"
                return
            everywhere = self._reader.partitions(search.topic)
            for number in everywhere if search.everywhere else self.homes:
                self._read_on(search, number)
        except KafkaUnreachableError as error:
            if not isinstance(error.__cause__, AuthorizationError):
                raise
            self.found.unseen[name] = "the Kafka user may not read it"

    def _read_on(self, search: Search, number: int) -> None:
        topic = search.topic
        partition = topic.name, number
        held = self._reader.held(topic, number)
        span = range(max(held.start, self._next.get(partition, 0)), held.stop)
        is_state = topics.generation_of(topic.name) or topic.name in _STATE
        position: bytes | None = None
        for record in self._reader.read(topic, number, span):
            key = record.key or b""
            if is_state and key == POSITION_KEY:
                position = record.value
                continue
            hit = search.match(key, record.value)
            if hit is not None:
                traces = self.found.traces.setdefault(partition, {})
                trace = traces.get(key)
                if trace is None:
                    trace = traces[key] = Trace(hit.table, key, None if hit.others else key)
                trace.add(record.offset, record.timestamp, hit.value)
                if hit.keep and hit.value is not None:
                    trace.kept.append(Kept(record.offset, record.timestamp, hit.value))
        self._next[partition] = held.stop
        if position is not None:
            self.found.positions[partition] = Position.decode(position)
