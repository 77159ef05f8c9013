"""What a person's own consents say: when they left, and when a withdrawal is the last word."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline import topics
from pipeline.codec.encode import decode_record
from pipeline.codec.registry import SchemaRegistry, UnknownSchemaError
from pipeline.codec.translate import DecodeError
from pipeline.codec.wire import WireFormatError
from pipeline.erasure.receipt import Withdrawal
from pipeline.erasure.trace import Kept, Trace
from pipeline.factors.admission import Policy

_FUTURE_MS = Policy().future_ms


@dataclass(frozen=True, slots=True)
class Word:
    """A consent record of a person, where it lies; ``occurred_at`` in ms."""

    partition: int
    offset: int
    occurred_at: int
    scope: str
    grants: bool


def words(traces: Iterable[tuple[int, Trace]], registry: SchemaRegistry) -> list[Word]:
    """The consents that count, in order within each partition.

    Raises:
        RegistryError: The registry cannot answer.
    """
    return [
        word
        for partition, trace in traces
        for kept in trace.kept
        if (word := word_of(partition, kept, registry)) is not None
    ]


def word_of(partition: int, kept: Kept, registry: SchemaRegistry) -> Word | None:
    """What a record of the ledger says; None where it is passed over: unreadable, or ahead."""
    try:
        fields: Mapping[str, Any] = decode_record(kept.value, registry)
    except (WireFormatError, UnknownSchemaError, DecodeError):
        return None
    if fields["occurred_at"] > kept.timestamp_ms + _FUTURE_MS:
        return None
    grants = fields["action"] == "GRANT"
    return Word(partition, kept.offset, fields["occurred_at"], fields["scope"], grants)


def grants_anything(said: Iterable[Word]) -> bool:
    """Whether a grant of any scope came after the last withdrawal of SCORING."""
    granted: dict[int, bool] = {}
    for word in said:
        if word.grants:
            granted[word.partition] = True
        elif word.scope == "SCORING":
            granted[word.partition] = False
    return any(granted.values())


def withdrawn_at_ms(said: Iterable[Word], now_ms: int) -> int:
    """A time at which a withdrawal is the last word: now, or later if a consent is ahead."""
    return max([now_ms, *(word.occurred_at for word in said)])


def last_withdrawals(said: Iterable[Word]) -> tuple[Withdrawal, ...]:
    """The newest withdrawal of SCORING in each partition, by its place."""
    last: dict[int, Word] = {}
    for word in said:
        if word.scope == "SCORING" and not word.grants:
            last[word.partition] = word
    return tuple(
        Withdrawal(
            topic=topics.CONSENTS.name,
            partition=word.partition,
            offset=word.offset,
            occurred_at=word.occurred_at,
        )
        for _, word in sorted(last.items())
    )
