"""Decode what arrived for a partition and lay it out for the fold."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline import topics
from pipeline.codec.inputs import Decoded, decode_inputs
from pipeline.codec.registry import SchemaRegistry
from pipeline.factors.columns import Int32
from pipeline.factors.fold import Arrivals, Batch
from pipeline.streaming.columnar import key_column, timestamps_of, values_of
from pipeline.streaming.records import Record


@dataclass(frozen=True, slots=True)
class DecodedTopic:
    """One topic's records of a batch, and what decoding made of them."""

    topic: topics.Topic
    records: Sequence[Record]
    decoded: Decoded

    def arrivals(self, user: Int32) -> Arrivals[Any]:
        """The good records by column; ``user`` (n_good,) is each person's row."""
        return Arrivals(
            columns=self.decoded.columns_for(user),
            kafka_timestamp_ms=self._timestamps_ms(),
        )

    def _timestamps_ms(self) -> NDArray[np.int64]:
        timestamps_ms = timestamps_of(self.records)
        kept = self.decoded.kept
        return timestamps_ms if len(kept) == len(timestamps_ms) else timestamps_ms[kept]


def decode(
    records_by_topic: Mapping[str, Sequence[Record]], registry: SchemaRegistry
) -> list[DecodedTopic]:
    """Decode each topic's records; poison is kept as values, nothing is raised."""
    return [
        DecodedTopic(
            topic=topic,
            records=records,
            decoded=decode_inputs(topic, key_column(records), values_of(records), registry),
        )
        for topic in topics.INPUTS
        if (records := records_by_topic.get(topic.name))
    ]


def people(decoded: Iterable[DecodedTopic]) -> tuple[list[str], list[Int32]]:
    """Everyone the good records are about, each once, and by topic whom each record is about."""
    ids = [topic.decoded.user_ids for topic in decoded]
    found = pa.chunked_array(ids, pa.string()).combine_chunks().dictionary_encode()
    users: list[str] = found.dictionary.to_pylist()
    ends = np.cumsum([len(of_topic) for of_topic in ids], dtype=np.int64)
    return users, np.split(found.indices.to_numpy(), ends)[:-1]


def to_batch(decoded: Sequence[DecodedTopic], index: Sequence[Int32]) -> Batch:
    """The good records of all topics, as the fold takes them."""
    by_topic = {
        d.topic.name: d.arrivals(user) for d, user in zip(decoded, index, strict=True) if len(user)
    }
    return Batch(
        consents=by_topic.get(topics.CONSENTS.name),
        payments=by_topic.get(topics.PAYMENTS.name),
        consumption=by_topic.get(topics.CONSUMPTION.name),
        obligations=by_topic.get(topics.OBLIGATIONS.name),
        profiles=by_topic.get(topics.PROFILES.name),
        relationships=by_topic.get(topics.RELATIONSHIPS.name),
        peer_signals=by_topic.get(topics.PEER_SIGNALS.name),
    )
