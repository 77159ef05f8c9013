"""Events of very many people at once: only as many as are wanted, whoever they are of.

A simulation gives everybody a life, and of millions of people that is too much to load. Here an
event's person is drawn, evenly or by Zipf's law (the r-th of them is drawn with a weight of
r ** -s), and the event is one of a month's payments or purchases.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline import topics
from pipeline.codec.encode import encode_columns
from pipeline.codec.registry import SchemaRegistry
from pipeline.dev.bench.workload import END_MS
from pipeline.dev.simulator.bad import Sent
from pipeline.factors.columns import Int64
from pipeline.factors.vocabulary import PaymentKind

_MONTH_MS = 30 * 86_400_000
_CHUNK = 100_000
_PAYMENTS_SHARE = 0.4
_CATEGORIES, _CHANNELS, _CONSUMPTION_KINDS = 10, 3, 4
_KINDS = np.array([PaymentKind.PURCHASE, PaymentKind.BILL, PaymentKind.REPAYMENT], np.int64)
_DUE_MS = 5 * 86_400_000


def draw(people: int, events: int, skew: float, rng: np.random.Generator) -> Int64:
    """Whom each event is of, (events,): evenly with a skew of 0, else by Zipf's law.

    Who comes first is drawn too, so that heavy keys lie in any partition.
    """
    if not skew:
        return rng.integers(0, people, events)
    weights = np.cumsum(np.arange(1, people + 1, dtype=np.float64) ** -skew)
    ranks = np.searchsorted(weights, rng.random(events) * weights[-1], side="right")
    drawn: Int64 = rng.permutation(people)[ranks]
    return drawn


def records(
    users: Sequence[bytes], drawn: Int64, seed: int, registry: SchemaRegistry
) -> Iterator[Sent]:
    """An event for each that is drawn, over the month after a workload's, by event time."""
    rng = np.random.default_rng((seed, len(drawn)))
    for start in range(0, len(drawn), _CHUNK):
        part = drawn[start : start + _CHUNK]
        n = len(part)
        keys = [users[i] for i in part.tolist()]
        at_ms = END_MS + (start + np.arange(n)) * _MONTH_MS // len(drawn)
        ids = [f"scale-{start + i:x}" for i in range(n)]
        paid = rng.random(n) < _PAYMENTS_SHARE
        yield from _chosen(topics.PAYMENTS, "Payment", _payments(rng, n, at_ms), paid, keys, ids,
                           at_ms, registry)  # fmt: skip
        yield from _chosen(topics.CONSUMPTION, "Consumption", _consumption(rng, n), ~paid, keys,
                           ids, at_ms, registry)  # fmt: skip


def _chosen(  # noqa: PLR0913 - columns that belong together
    topic: topics.Topic,
    record: str,
    own: dict[str, pa.Array],
    mask: NDArray[np.bool_],
    keys: Sequence[bytes],
    ids: Sequence[str],
    at_ms: Int64,
    registry: SchemaRegistry,
) -> Iterator[Sent]:
    """The events of one topic among a chunk's."""
    common = {
        "event_id": pa.array(ids),
        "user_id": pa.array([key.decode() for key in keys]),
        "occurred_at": pa.array(at_ms),
    }
    table = pa.table(common | own).filter(pa.array(mask)).combine_chunks()
    columns = {name: table[name].combine_chunks() for name in table.column_names}
    values = encode_columns(record, columns, registry.id_of(topic.subject))
    chosen = (keys[i] for i in np.flatnonzero(mask).tolist())
    for key, value in zip(chosen, values, strict=True):
        yield Sent(topic, key, value)


def _payments(rng: np.random.Generator, n: int, at_ms: Int64) -> dict[str, pa.Array]:
    return {
        "kind": pa.array(rng.choice(_KINDS, n)),
        "amount_minor": pa.array(rng.integers(100, 50_000, n)),
        "currency": pa.repeat(pa.scalar("EUR"), n),
        "due_at": pa.array(at_ms + rng.integers(-_DUE_MS // 20, _DUE_MS, n)),
        "account_id": pa.nulls(n, pa.string()),
        "balance_minor": pa.nulls(n, pa.int64()),
        "limit_minor": pa.nulls(n, pa.int64()),
    }


def _consumption(rng: np.random.Generator, n: int) -> dict[str, pa.Array]:
    return {
        "kind": pa.array(rng.integers(0, _CONSUMPTION_KINDS, n)),
        "category": pa.array(rng.integers(0, _CATEGORIES, n)),
        "amount_minor": pa.array(rng.integers(100, 50_000, n)),
        "currency": pa.repeat(pa.scalar("EUR"), n),
        "channel": pa.array(rng.integers(0, _CHANNELS, n)),
    }
