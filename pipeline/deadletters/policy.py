"""Which letters may go back, and why the others may not."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from pipeline.codec.http_registry import UNKNOWN_FOR_S
from pipeline.codec.reasons import Reason
from pipeline.codec.registry import SchemaRegistry
from pipeline.deadletters.letter import CHAIN_MAX, UNKNOWN, Letter
from pipeline.deadletters.origin import find_fault, origin_of, read_fields
from pipeline.factors.admission import Policy
from pipeline.topics import Topic

_YEAR_9999_MS = 253_370_764_800_000


class Ruling(StrEnum):
    """What is done with a letter."""

    REDRIVE = "REDRIVE"
    """It goes back."""
    REDRIVEN = "REDRIVEN"
    """It went back before: not again, whatever is asked."""
    NOT_KEPT = "NOT_KEPT"
    """Its bytes are not here."""
    NOT_AN_INPUT = "NOT_AN_INPUT"
    """It came from a topic that only the pipeline itself writes, or from none of ours."""
    NOT_YET = "NOT_YET"
    """It would come back now, and will not later."""
    TOO_LATE = "TOO_LATE"
    """It would come back for being late; can be forced."""
    WOULD_COME_BACK = "WOULD_COME_BACK"
    """What was wrong with it still is; can be forced."""
    REFUSED_BY_BROKER = "REFUSED_BY_BROKER"
    """Its topic does not take it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is done with a letter, and why, for people."""

    ruling: Ruling
    why: str = ""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """The record of a letter as it would go back; ``partition`` None is for the key to say."""

    letter: Letter
    topic: Topic
    key: bytes | None
    value: bytes | None
    partition: int | None
    is_fixed: bool = False


def outgoing(letter: Letter, prefix: str) -> Outgoing | Verdict:
    """The letter's record as it was, or why it cannot go back at all."""
    topic = origin_of(letter.topic, prefix)
    if topic is None or UNKNOWN in {letter.partition, letter.offset}:
        named = letter.topic or "no topic"
        return Verdict(Ruling.NOT_AN_INPUT, f"{named!r:.80} takes no records from outside")
    if not letter.is_kept:
        return Verdict(
            Ruling.NOT_KEPT,
            f"its bytes were too many to be kept here; while {letter.topic} still holds it, "
            f"it lies there at {letter.partition}@{letter.offset}",
        )
    return Outgoing(letter, topic, letter.key, letter.value, letter.partition)


def judge(record: Outgoing, registry: SchemaRegistry, now_ms: int, *, force: bool) -> Verdict:
    """Whether a record may go back now.

    Args:
        record: What would be sent.
        registry: Knows the values' schemas.
        now_ms: The timestamp it would be sent with.
        force: Send also what is likely to come back.

    Raises:
        RegistryError: The registry cannot answer.
    """
    fields = read_fields(record.value, registry) or {}
    occurred_at = fields.get("occurred_at")
    verdicts = [
        _too_early(occurred_at, now_ms),
        None if force else _schema_is_new(record.letter, now_ms),
        None if force else _at_fault(record, registry),
        None if force else _too_late(record, occurred_at, registry),
        None if force else _endless(record.letter),
    ]
    return next((v for v in verdicts if v is not None), Verdict(Ruling.REDRIVE))


def _too_early(occurred_at: object, now_ms: int) -> Verdict | None:
    """What lies ahead of its own record's timestamp by more than the pipeline allows."""
    if not isinstance(occurred_at, int) or occurred_at - now_ms <= Policy().future_ms:
        return None
    from_ms = occurred_at - Policy().future_ms
    return Verdict(Ruling.NOT_YET, f"it is in the future; its time comes at {instant(from_ms)}")


def _schema_is_new(letter: Letter, now_ms: int) -> Verdict | None:
    """A worker that did not know a schema does not ask for it again at once."""
    until_ms = letter.failed_at_ms + round(UNKNOWN_FOR_S * 1000)
    if letter.reason != Reason.UNKNOWN_SCHEMA or until_ms <= now_ms:
        return None
    return Verdict(
        Ruling.NOT_YET,
        f"workers may take its schema for unknown until {instant(until_ms)} (see --force)",
    )


def _at_fault(record: Outgoing, registry: SchemaRegistry) -> Verdict | None:
    fault = find_fault(record.topic, record.key, record.value, registry)
    if fault is None:
        return None
    return Verdict(
        Ruling.WOULD_COME_BACK, f"it would come back: {fault.reason}, {fault.error} (see --force)"
    )


def _too_late(record: Outgoing, occurred_at: object, registry: SchemaRegistry) -> Verdict | None:
    """Time does not bring a late event nearer to the person's newest; another date may."""
    if record.letter.reason != Reason.TOO_LATE:
        return None
    if record.is_fixed:
        before = read_fields(record.letter.value, registry) or {}
        if before.get("occurred_at") != occurred_at:
            return None
    return Verdict(
        Ruling.TOO_LATE,
        "it would come back: the person's newest event is as far ahead as it was, or further; "
        "send it with --force once SESAME_LATENESS_DAYS allows it",
    )


def _endless(letter: Letter) -> Verdict | None:
    if letter.earlier is None or letter.earlier.count < CHAIN_MAX:
        return None
    return Verdict(
        Ruling.WOULD_COME_BACK, f"it came back {letter.earlier.count} times (see --force)"
    )


def instant(ms: int) -> str:
    """A time as people and programs read it; empty where there is none."""
    if not 0 <= ms < _YEAR_9999_MS:
        return ""
    return datetime.fromtimestamp(ms / 1_000, UTC).isoformat(timespec="milliseconds")
