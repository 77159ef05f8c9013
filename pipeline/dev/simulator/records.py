"""Events as Avro values in the wire format, encoded by column."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline import topics
from pipeline.codec.encode import decode_record, encode_columns
from pipeline.codec.registry import SchemaRegistry
from pipeline.dev.simulator import consents, obligations
from pipeline.dev.simulator.draws import NULL_CODE, Column
from pipeline.dev.simulator.history import History
from pipeline.factors.columns import Int64
from pipeline.factors.layout import NO_AMOUNT, NO_TIME
from pipeline.topics import Topic

CURRENCIES = ("EUR",)


class Encoder:
    """Writes a history's events with the schema ids a registry gives.

    Raises:
        RegistryError: The registry does not know the topics' subjects or cannot answer.
    """

    def __init__(self, history: History, registry: SchemaRegistry) -> None:
        self.history = history
        self.registry = registry
        self.names = pa.array(history.users, pa.string())
        self._schema_ids = {topic: registry.id_of(topic.subject) for topic in history.events}

    def values(self, topic: Topic, start: int, stop: int) -> list[bytes]:
        """The framed values of a topic's events from ``start`` to before ``stop``."""
        if topic.record is None:
            raise ValueError(f"{topic.name} has no record")
        columns = self._columns(topic, start, stop)
        return encode_columns(topic.record, columns, self._schema_ids[topic])

    def keys(self, topic: Topic, start: int, stop: int) -> list[bytes]:
        """Their keys: the user ids as UTF-8."""
        users = self.users(self.history.events[topic].user[start:stop])
        values: list[bytes] = users.cast(pa.binary()).to_pylist()
        return values

    def record(self, topic: Topic, index: int) -> dict[str, Any]:
        """One event as a record, enums as symbols, for changing it before it is written."""
        (value,) = self.values(topic, index, index + 1)
        return decode_record(value, self.registry)

    def users(self, index: Column) -> pa.Array:
        """User ids by their place in the history."""
        return self.names.take(pa.array(index))

    def _columns(self, topic: Topic, start: int, stop: int) -> dict[str, pa.Array]:
        part = slice(start, stop)
        events = self.history.events[topic]
        return {
            "event_id": _ascii(events.event_ids(start, stop)),
            "user_id": self.users(events.user[part]),
            "occurred_at": pa.array(events.occurred_at_ms[part]),
            **{
                name: _SPELLINGS.get((topic, name), _code)(self, column[part])
                for name, column in events.fields.items()
            },
        }


_Spelling = Callable[[Encoder, Column], pa.Array]


def _ascii(text: Column) -> pa.Array:
    """A fixed-width byte column as strings, without making a Python object of each."""
    width = text.dtype.itemsize
    offsets = np.arange(len(text) + 1, dtype=np.int32) * np.int32(width)
    data = np.ascontiguousarray(text)
    return pa.StringArray.from_buffers(len(text), pa.py_buffer(offsets), pa.py_buffer(data))


def _code(_: Encoder, column: Column) -> pa.Array:
    return pa.array(column.astype(np.int64))


def _nullable_code(_: Encoder, column: Column) -> pa.Array:
    return pa.array(column.astype(np.int64), mask=column == NULL_CODE)


def _nullable_long(_: Encoder, column: Column) -> pa.Array:
    return pa.array(column, mask=column == NO_TIME)


def _one_of(names: Sequence[str]) -> _Spelling:
    known = pa.array(names, pa.string())

    def spell(_: Encoder, column: Column) -> pa.Array:
        return known.take(pa.array(column.astype(np.int64), mask=column == NULL_CODE))

    return spell


def _contract_ids(encoder: Encoder, column: Column) -> pa.Array:
    return _ascii(encoder.history.events[topics.OBLIGATIONS].contract_ids(column))


def _account_ids(encoder: Encoder, column: Column) -> pa.Array:
    named = _ascii(encoder.history.events[topics.PAYMENTS].account_ids(column))
    rows: Int64 = np.arange(len(column))
    return named.take(pa.array(rows, mask=column < 0))


_SPELLINGS: dict[tuple[Topic, str], _Spelling] = {
    (topics.CONSENTS, "partner_id"): _one_of(consents.PARTNERS),
    (topics.CONSENTS, "purpose"): _one_of(consents.PURPOSES),
    (topics.CONSENTS, "disclosure"): _nullable_code,
    (topics.CONSENTS, "expires_at"): _nullable_long,
    (topics.CONSENTS, "notice_version"): _one_of(consents.NOTICES),
    (topics.PAYMENTS, "currency"): _one_of(CURRENCIES),
    (topics.PAYMENTS, "due_at"): _nullable_long,
    (topics.PAYMENTS, "account_id"): _account_ids,
    (topics.PAYMENTS, "balance_minor"): _nullable_long,
    (topics.PAYMENTS, "limit_minor"): _nullable_long,
    (topics.CONSUMPTION, "amount_minor"): _nullable_long,
    (topics.CONSUMPTION, "currency"): _one_of(CURRENCIES),
    (topics.OBLIGATIONS, "contract_id"): _contract_ids,
    (topics.OBLIGATIONS, "partner_id"): _one_of(obligations.PARTNERS),
    (topics.OBLIGATIONS, "amount_minor"): _nullable_long,
    (topics.OBLIGATIONS, "due_at"): _nullable_long,
    (topics.OBLIGATIONS, "evidence"): _one_of(obligations.EVIDENCE),
    (topics.PROFILES, "since"): _nullable_long,
    (topics.RELATIONSHIPS, "other_user_id"): Encoder.users,
}
"""Columns that are not plain codes or numbers."""

if NO_TIME != NO_AMOUNT:
    raise AssertionError("one mark for null in times and amounts")
