"""What a gateway wrote: what it showed each partner, and when its positions moved.

Read after the run, so that nothing burdens it. Every committed batch carries the
partition's position in the changelog, with the time it was written.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa
from confluent_kafka import Message
from pyruhvro import deserialize_array

from pipeline import topics
from pipeline.codec import catalog
from pipeline.codec.wire import HEADER_BYTES
from pipeline.dev.bench.broker import read_all
from pipeline.dev.bench.partners.expected import PartnerRecords, WrongRecordsError, decoded
from pipeline.dev.bench.readback import Volume
from pipeline.errors import SesameError
from pipeline.settings import Settings
from pipeline.streaming.changelog import POSITION_KEY
from pipeline.streaming.position import Position

_WRITTEN = (topics.GATEWAY_CHANGELOG, topics.DISCLOSURES, topics.DEAD_LETTERS)


@dataclass(frozen=True, slots=True)
class Phase:
    """Records that appeared on a topic all at once; ``ends`` by partition that got any."""

    topic: str
    records: int
    released_at: float
    ends: Mapping[int, int]


@dataclass(slots=True)
class Found:
    """All that one gateway wrote; positions aside, ``volumes`` has it by topic."""

    volumes: dict[str, Volume] = field(default_factory=lambda: defaultdict(Volume))
    transactions: int = 0
    partners: list[PartnerRecords] = field(default_factory=list)
    _moves: dict[tuple[str, int], list[tuple[int, float]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add_position(self, partition: int, position: Position, at: float) -> None:
        """Note how far a partition was; ``at`` in seconds since 1970."""
        self.transactions += 1
        for name, offset in position.applied.items():
            self._moves[name, partition].append((offset, at))

    def followed_at(self, phase: Phase) -> float:
        """When the last partition had applied the last record of a phase.

        Raises:
            SesameError: One never did.
        """
        return max(self._reached(phase.topic, p, end - 1) for p, end in phase.ends.items())

    def as_json(self) -> dict[str, Any]:
        """The volumes, for programs."""
        by_topic = {name: asdict(volume) for name, volume in sorted(self.volumes.items())}
        return {"transactions": self.transactions, "topics": by_topic}

    def _reached(self, name: str, partition: int, offset: int) -> float:
        moves = self._moves[name, partition]
        place = bisect_left(moves, (offset, 0.0))
        if place == len(moves):
            raise SesameError(f"{name} of partition {partition} was not followed to {offset}")
        return moves[place][1]


def read(settings: Settings, partner_ids: Sequence[str]) -> Found:
    """Read everything a gateway of these settings wrote.

    Raises:
        WrongRecordsError: A partner's record has another key than its subject, or was taken
            back, or is another partner's.
    """
    found = Found()
    plain = {settings.topic(topic.name): topic.name for topic in _WRITTEN}
    for message in read_all(settings, [topic.name for topic in _WRITTEN]):
        name = plain[str(message.topic())]
        if name == topics.GATEWAY_CHANGELOG.name and message.key() == POSITION_KEY:
            position = Position.decode(message.value() or b"")
            at = message.timestamp()[1] / 1000
            found.add_position(message.partition() or 0, position, at)
        else:
            found.volumes[name].add(message.value(), message.key())
    for partner_id in partner_ids:
        name = topics.partner_scores(partner_id).name
        messages = list(read_all(settings, [name]))
        for message in messages:
            found.volumes[name].add(message.value(), message.key())
        found.partners.append(_decoded(partner_id, messages))
    return found


def _decoded(partner_id: str, messages: Sequence[Message]) -> PartnerRecords:
    values = [message.value() for message in messages]
    if None in values:
        raise WrongRecordsError(f"{partner_id} was told to forget {values.count(None)} subjects")
    bodies = [value[HEADER_BYTES:] for value in values if value is not None]
    batch: pa.RecordBatch = deserialize_array(bodies, catalog.current("PartnerScore").text)
    records = decoded(partner_id, batch)
    keys = [(message.key() or b"").decode() for message in messages]
    if keys != records.subjects:
        raise WrongRecordsError(f"{partner_id} was shown records under others' keys")
    return records
