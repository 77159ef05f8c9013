"""Decode what arrived for a partition and lay it out for the fold."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import topics
from pipeline.codec.inputs import Decoded, decode_inputs
from pipeline.codec.registry import SchemaRegistry
from pipeline.factors.fold import Arrivals, Batch
from pipeline.streaming.records import Record


@dataclass(frozen=True, slots=True)
class DecodedTopic:
    """One topic's records of a batch, and what decoding made of them."""

    topic: topics.Topic
    records: Sequence[Record]
    decoded: Decoded

    def arrivals(self, index_of: Mapping[str, int]) -> Arrivals[Any]:
        """The good records by column; ``index_of`` maps a person to their row."""
        users = self.decoded.users
        index = np.fromiter(map(index_of.__getitem__, users), np.int32, len(users))
        return Arrivals(
            columns=self.decoded.columns_for(index),
            kafka_timestamp_ms=self._timestamps_ms(),
        )

    def _timestamps_ms(self) -> NDArray[np.int64]:
        records = self.records
        if len(self.decoded.kept) == len(records):
            return np.fromiter((r.timestamp for r in records), np.int64, len(records))
        kept = self.decoded.kept.tolist()
        return np.fromiter((records[i].timestamp for i in kept), np.int64, len(kept))


def decode(
    records_by_topic: Mapping[str, Sequence[Record]], registry: SchemaRegistry
) -> list[DecodedTopic]:
    """Decode each topic's records; poison is kept as values, nothing is raised."""
    return [
        DecodedTopic(
            topic=topic,
            records=records,
            decoded=decode_inputs(
                topic, [r.key for r in records], [r.value for r in records], registry
            ),
        )
        for topic in topics.INPUTS
        if (records := records_by_topic.get(topic.name))
    ]


def people(decoded: Iterable[DecodedTopic]) -> list[str]:
    """Everyone the good records are about, each once."""
    return list(dict.fromkeys(chain.from_iterable(d.decoded.users for d in decoded)))


def to_batch(decoded: Iterable[DecodedTopic], users: Sequence[str]) -> Batch:
    """The good records of all topics, as the fold takes them."""
    index_of = {user: i for i, user in enumerate(users)}
    by_topic = {d.topic.name: d.arrivals(index_of) for d in decoded if d.decoded.users}
    return Batch(
        consents=by_topic.get(topics.CONSENTS.name),
        payments=by_topic.get(topics.PAYMENTS.name),
        consumption=by_topic.get(topics.CONSUMPTION.name),
        obligations=by_topic.get(topics.OBLIGATIONS.name),
        profiles=by_topic.get(topics.PROFILES.name),
        relationships=by_topic.get(topics.RELATIONSHIPS.name),
        peer_signals=by_topic.get(topics.PEER_SIGNALS.name),
    )
