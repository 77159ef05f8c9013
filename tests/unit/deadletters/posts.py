"""Letters and records without Kafka."""

import time
from dataclasses import dataclass, field
from typing import Any

from pipeline.codec.encode import encode_records
from pipeline.codec.registry import FileRegistry
from pipeline.deadletters.letter import Letter, read_letter

NOW_MS = int(time.time()) * 1000
DAY_MS = 86_400_000
FAILED_AT_MS = NOW_MS - 3_600_000
PAYMENT: dict[str, Any] = {
    "event_id": "e1",
    "user_id": "ann",
    "occurred_at": NOW_MS - DAY_MS,
    "kind": "BILL",
    "amount_minor": 4_200,
    "currency": "EUR",
    "due_at": None,
    "account_id": None,
    "balance_minor": None,
    "limit_minor": None,
}


@dataclass(frozen=True)
class Consumed:
    """A record of the dead letters."""

    partition: int = 1
    offset: int = 5
    key: bytes | None = b"ann"
    value: bytes | None = b"\1"
    headers: list[tuple[str, bytes | None]] = field(default_factory=list)


def payment(**changes: Any) -> bytes:
    (value,) = encode_records("payments-value", [PAYMENT | changes], FileRegistry())
    return value


def letter(
    *,
    at: int = 5,
    key: bytes | None = b"ann",
    value: bytes | None = b"\1",
    more: dict[str, str] | None = None,
    **said: object,
) -> Letter:
    """A letter in partition 1; ``said`` are its ``dlq.*`` headers, ``more`` other ones."""
    usual = {
        "topic": "x.payments",
        "partition": 1,
        "offset": 77,
        "reason": "INVALID",
        "error": "currency is 'euro'",
        "failed_at": FAILED_AT_MS,
    }
    headers = {f"dlq.{name}": str(text) for name, text in (usual | said).items()}
    encoded: list[tuple[str, bytes | None]] = [
        (name, text.encode()) for name, text in (headers | (more or {})).items()
    ]
    return read_letter(Consumed(1, at, key, value, encoded))
