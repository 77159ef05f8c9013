"""Which letters may go back, and what is said of the others."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pipeline import topics
from pipeline.codec.http_registry import UNKNOWN_FOR_S
from pipeline.codec.registry import FileRegistry
from pipeline.deadletters.letter import Letter
from pipeline.deadletters.origin import origin_of
from pipeline.deadletters.policy import Outgoing, Ruling, Verdict, instant, judge, outgoing
from pipeline.topics import Topic
from tests.unit.deadletters.posts import DAY_MS, NOW_MS, letter, payment


def verdict(found: Letter, *, now_ms: int = NOW_MS, force: bool = False) -> Verdict:
    record = outgoing(found, "x.")
    return (
        record
        if isinstance(record, Verdict)
        else judge(record, FileRegistry(), now_ms, force=force)
    )


def ruling(found: Letter, *, now_ms: int = NOW_MS, force: bool = False) -> Ruling:
    return verdict(found, now_ms=now_ms, force=force).ruling


@pytest.mark.parametrize(
    ("name", "topic"),
    [
        ("x.consents", topics.CONSENTS),
        ("x.payments", topics.PAYMENTS),
        ("x.obligations", topics.OBLIGATIONS),
        ("x.relationships", topics.RELATIONSHIPS),
        ("x.partner.car-rental.outcomes", topics.partner_outcomes("car-rental")),
        ("x.partner.car-rental.enquiries", topics.partner_enquiries("car-rental")),
        ("x.partner.car-rental.scores", None),
        ("x.partner..outcomes", None),
        ("x.partner.a.b.outcomes", None),
        ("x.peer-signals", None),
        ("x.scores", None),
        ("x.dead-letters", None),
        ("x.factor-state-changelog", None),
        ("payments", None),
        ("y.payments", None),
        ("", None),
    ],
)
def test_letters_go_back_only_to_topics_that_are_written_from_outside(
    name: str, topic: Topic | None
) -> None:
    assert origin_of(name, "x.") == topic


def test_a_record_that_would_be_taken_now_goes_back() -> None:
    assert ruling(letter(value=payment())) is Ruling.REDRIVE


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (payment(currency="euro"), "INVALID, currency is 'euro'"),
        (payment(user_id="eve"), "KEY_MISMATCH, key b'ann'"),
        (b"\1", "WIRE_FORMAT, 1 bytes"),
        (b"\0\0\0\x99\x99x", "UNKNOWN_SCHEMA, no schema has id"),
        (payment() + b"x", "DECODE, "),
        (None, "WIRE_FORMAT, no value"),
    ],
    # Values hold the time, and names of tests are to be the same in every process.
    ids=["invalid", "other key", "too short", "unknown schema", "trailing byte", "no value"],
)
def test_a_record_that_would_be_refused_again_stays_unless_it_is_forced(
    value: bytes | None, said: str
) -> None:
    refused = verdict(letter(value=value))
    assert refused.ruling is Ruling.WOULD_COME_BACK
    assert said in refused.why
    assert "--force" in refused.why
    assert ruling(letter(value=value), force=True) is Ruling.REDRIVE


def test_a_report_of_a_partner_is_held_to_the_rules_of_its_topic() -> None:
    name = "x.partner.car-rental.outcomes"
    refused = verdict(letter(value=payment(), topic=name, error="not granted: no such"))
    assert refused.ruling is Ruling.WOULD_COME_BACK
    assert "the topic carries PartnerOutcome" in refused.why


def test_late_events_stay_unless_they_are_forced_and_it_is_said_why() -> None:
    late = letter(value=payment(), reason="TOO_LATE")
    assert ruling(late) is Ruling.TOO_LATE
    assert "SESAME_LATENESS_DAYS" in verdict(late).why
    assert ruling(late, force=True) is Ruling.REDRIVE


def test_a_late_event_that_was_given_another_time_goes_back() -> None:
    late = letter(value=payment(), reason="TOO_LATE")
    record = outgoing(late, "x.")
    assert isinstance(record, Outgoing)
    same = replace(record, value=payment(amount_minor=1), is_fixed=True)
    newer = replace(record, value=payment(occurred_at=NOW_MS), is_fixed=True)
    assert judge(same, FileRegistry(), NOW_MS, force=False).ruling is Ruling.TOO_LATE
    assert judge(newer, FileRegistry(), NOW_MS, force=False).ruling is Ruling.REDRIVE


@pytest.mark.parametrize("reason", ["FUTURE", "UNKNOWN_SCHEMA"])
def test_an_event_of_the_future_waits_for_its_time_to_the_millisecond(reason: str) -> None:
    """24 h ahead of the record's timestamp is allowed, and not a millisecond more."""
    ahead = letter(value=payment(occurred_at=NOW_MS + DAY_MS), reason=reason)
    assert ruling(ahead) is Ruling.REDRIVE
    early = verdict(ahead, now_ms=NOW_MS - 1, force=True)
    assert early.ruling is Ruling.NOT_YET
    come = datetime.fromtimestamp(NOW_MS / 1000, UTC).isoformat(timespec="milliseconds")
    assert early.why.endswith(f"its time comes at {come}")


def test_a_schema_that_was_unknown_a_moment_ago_may_still_be_so_to_workers() -> None:
    failed_at = NOW_MS - round(UNKNOWN_FOR_S * 1000) + 1
    fresh = letter(value=payment(), reason="UNKNOWN_SCHEMA", failed_at=failed_at)
    assert ruling(fresh) is Ruling.NOT_YET
    assert ruling(fresh, now_ms=NOW_MS + 1) is Ruling.REDRIVE
    assert ruling(fresh, force=True) is Ruling.REDRIVE


def test_a_record_that_came_back_many_times_is_to_be_forced() -> None:
    more = {"redrive.partition": "1", "redrive.offset": "2", "redrive.count": "16"}
    endless = letter(value=payment(), more=more)
    assert ruling(endless) is Ruling.WOULD_COME_BACK
    assert "came back 16 times" in verdict(endless).why
    assert ruling(endless, force=True) is Ruling.REDRIVE
    fewer = letter(value=payment(), more=more | {"redrive.count": "15"})
    assert ruling(fewer) is Ruling.REDRIVE


def test_nothing_forces_a_letter_without_its_bytes_or_without_a_way_back() -> None:
    cut = letter(key=None, value=None, error="its 9 bytes are too many to be kept here")
    assert ruling(cut, force=True) is Ruling.NOT_KEPT
    assert "x.payments still holds it, it lies there at 1@77" in verdict(cut).why
    for nowhere in (
        letter(value=payment(), topic="x.peer-signals"),
        letter(value=payment(), partition=-1),
        letter(value=payment(), offset="?"),
    ):
        assert ruling(nowhere, force=True) is Ruling.NOT_AN_INPUT


def test_times_beyond_the_calendar_are_left_out() -> None:
    assert instant(0) == "1970-01-01T00:00:00.000+00:00"
    assert instant(-1) == instant(10**15) == ""
