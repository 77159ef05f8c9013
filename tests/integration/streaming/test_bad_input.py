from collections.abc import Callable

from pipeline import topics
from pipeline.codec.reasons import Reason
from pipeline.scoring.model import Model
from tests.integration.support.records import (
    DAY_MS,
    MONTH_MS,
    NOW_MS,
    fields_for,
    good_year,
    grants,
    record,
    value_of,
)
from tests.integration.support.replay import assert_as_replayed, letters
from tests.integration.support.stream import Input, Stream

HEADERS = {
    "dlq.topic",
    "dlq.partition",
    "dlq.offset",
    "dlq.reason",
    "dlq.error",
    "dlq.failed_at",
}


def damaged(user: str) -> list[Input]:
    """Values that are not what the contract says, one of each way."""
    good = value_of(topics.PAYMENTS, fields_for(topics.PAYMENTS, user, NOW_MS))
    other = value_of(topics.PROFILES, fields_for(topics.PROFILES, user, NOW_MS))
    key = user.encode()
    cases = [
        (Reason.WIRE_FORMAT, None),
        (Reason.WIRE_FORMAT, b""),
        (Reason.WIRE_FORMAT, good[:4]),
        (Reason.WIRE_FORMAT, b"\1" + good[1:]),
        (Reason.WIRE_FORMAT, b'{"kind": "BILL"}'),
        (Reason.UNKNOWN_SCHEMA, good[:1] + (2**31 - 1).to_bytes(4, "big") + good[5:]),
        (Reason.DECODE, good[:5]),
        (Reason.DECODE, good[:-3]),
        (Reason.DECODE, good + b"\0"),
        (Reason.DECODE, good[:5] + b"\xff" * 40),
        (Reason.DECODE, other),
    ]
    return [Input(topics.PAYMENTS, key, value, str(reason)) for reason, value in cases]


def invalid(user: str) -> list[Input]:
    """Records that decode and break a rule."""
    made = [
        record(topics.PAYMENTS, user, event_id=""),
        record(topics.PAYMENTS, user, event_id="e" * 65),
        record(topics.PAYMENTS, user, at_ms=0),
        record(topics.PAYMENTS, user, amount_minor=-1),
        record(topics.PAYMENTS, user, currency="euro"),
        record(topics.PAYMENTS, user, limit_minor=-1),
        record(topics.CONSUMPTION, user, amount_minor=-1),
        record(topics.OBLIGATIONS, user, status="BREACHED", evidence=None),
        record(topics.OBLIGATIONS, user, contract_id=""),
        record(topics.RELATIONSHIPS, user, other_user_id=user),
        record(topics.RELATIONSHIPS, user, other_user_id=""),
        record(topics.CONSENTS, user, scope="PARTNER"),
        record(topics.CONSENTS, user, scope="SOCIAL", partner_id="car-rental"),
        record(topics.PROFILES, "n" * 129),
    ]
    return [each._replace(reason=str(Reason.INVALID)) for each in made]


def misplaced(user: str) -> list[Input]:
    good = value_of(topics.CONSUMPTION, fields_for(topics.CONSUMPTION, user, NOW_MS))
    return [
        Input(topics.CONSUMPTION, key, good, str(Reason.KEY_MISMATCH))
        for key in (None, b"", b"somebody-else", user.upper().encode())
    ]


def untimely(user: str) -> tuple[list[Input], list[Input]]:
    """Records just within the bounds of time, and just beyond."""
    newest = NOW_MS + 60_000
    day_ahead = NOW_MS + DAY_MS
    within = [
        record(topics.PAYMENTS, user, newest),
        record(topics.PAYMENTS, user, newest - 31 * DAY_MS),
        record(topics.CONSUMPTION, user, day_ahead)._replace(timestamp_ms=NOW_MS),
        record(topics.PROFILES, user, NOW_MS),
    ]
    beyond = [
        record(topics.PAYMENTS, user, newest - 31 * DAY_MS - 1_000),
        record(topics.PAYMENTS, user, newest - 40 * MONTH_MS),
        record(topics.PROFILES, user, NOW_MS - 32 * DAY_MS),
        record(topics.CONSUMPTION, user, day_ahead)._replace(timestamp_ms=NOW_MS - 1),
        record(topics.CONSENTS, user, NOW_MS + 30 * DAY_MS),
        record(topics.OBLIGATIONS, user, NOW_MS + 30 * DAY_MS),
    ]
    return within, beyond


def test_every_kind_of_bad_input_is_a_dead_letter_once_among_good_records_that_count(
    running: Stream, person: Callable[[str], str], model: Model
) -> None:
    user = person("eve")
    running.send(grants(user))
    running.until_applied()
    running.send(good_year(user, NOW_MS - DAY_MS))
    within, beyond = untimely(user)
    bad = [*damaged(user), *invalid(user), *misplaced(user)]
    good = [record(topics.PAYMENTS, user, NOW_MS, kind="TRANSFER") for _ in bad]
    before = len(letters(running))

    placed = running.send(each for pair in zip(bad, good, strict=True) for each in pair)
    running.send(within)
    late = running.send(beyond)
    running.until_applied()

    refused = {
        (p.topic.name, p.record.partition, p.record.offset): p.record
        for p in [*(each for each in placed if each.reason), *late]
    }
    found = letters(running)[before:]
    assert len(found) == len(refused) == len(bad) + len(beyond)
    assert {letter[:3] for letter, _ in found} == refused.keys()
    assert {letter[3] for letter, _ in found} == {str(reason) for reason in Reason}
    for letter, dead in found:
        headers = dict(dead.headers)
        assert headers.keys() == HEADERS
        assert len(dead.headers) == len(HEADERS)
        assert headers["dlq.topic"].decode() == running.prefix + letter[0]
        assert headers["dlq.error"]
        assert abs(int(headers["dlq.failed_at"]) - dead.timestamp_ms) < DAY_MS
        original = refused[letter[:3]]
        assert (dead.key, dead.value) == (original.key, original.value)
    assert running.scores()[user] is not None
    assert_as_replayed(running, model)
