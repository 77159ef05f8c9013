"""Decode what arrived for a partition and lay it out for the fold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline import topics
from pipeline.codec.inputs import Decoded, decode_inputs
from pipeline.codec.registry import SchemaRegistry
from pipeline.factors.columns import Int32
from pipeline.factors.fold import Arrivals, Batch
from pipeline.streaming.columnar import joined, key_column, timestamps_of, values_of
from pipeline.streaming.records import Record


@dataclass(frozen=True, slots=True)
class DecodedTopic:
    """One topic's records of a batch, and what decoding made of them."""

    topic: topics.Topic
    records: Sequence[Record]
    decoded: Decoded
    ends: tuple[int, ...]
    """Where the records of each partition end, one after the other."""

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
    return decode_together([records_by_topic], registry)


def decode_together(
    shares: Sequence[Mapping[str, Sequence[Record]]], registry: SchemaRegistry
) -> list[DecodedTopic]:
    """Decode each topic's records of one partition or several, as ``decode`` does."""
    found = []
    for topic in topics.INPUTS:
        given = [share.get(topic.name, ()) for share in shares]
        records = joined(given)
        if len(records):
            decoded = decode_inputs(topic, key_column(records), values_of(records), registry)
            found.append(DecodedTopic(topic, records, decoded, tuple(accumulate(map(len, given)))))
    return found


@dataclass(frozen=True, slots=True)
class People:
    """Everyone the good records are about, each once, one partition's people after the other's.

    ``ends`` (n_partitions,) is where each partition's people end; ``index`` has by topic whom
    each good record is about.
    """

    users: list[str]
    ends: tuple[int, ...]
    index: list[Int32]


def people(decoded: Sequence[DecodedTopic], partitions: int = 1) -> People:
    """Find the people of decoded records.

    Args:
        decoded: By topic.
        partitions: How many partitions the records are of. Who has records in several is
            somebody else in each.
    """
    ids = [topic.decoded.user_ids for topic in decoded]
    found = pa.chunked_array(ids, pa.string()).combine_chunks().dictionary_encode()
    users: list[str] = found.dictionary.to_pylist()
    index = found.indices.to_numpy()
    ends: tuple[int, ...] = (len(users),)
    if partitions > 1:
        share = [np.searchsorted(t.ends, t.decoded.kept, side="right") for t in decoded]
        places, index = np.unique(
            np.concatenate([np.empty(0, np.int64), *share]) * len(users) + index,
            return_inverse=True,
        )
        ends = tuple(np.searchsorted(places, np.arange(1, partitions + 1) * len(users)).tolist())
        users = [users[place] for place in (places % max(len(users), 1)).tolist()]
    cuts = np.cumsum([len(of_topic) for of_topic in ids], dtype=np.int64)
    return People(users, ends, np.split(index.astype(np.int32, copy=False), cuts)[:-1])


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
