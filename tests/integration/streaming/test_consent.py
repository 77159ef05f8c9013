from collections.abc import Callable
from typing import Any

import pytest

from pipeline import topics
from pipeline.factors.vocabulary import Scope
from pipeline.scoring.model import Model
from pipeline.streaming import changelog
from tests.integration.support.records import (
    DAY_MS,
    MONTH_MS,
    NOW_MS,
    SCOPES,
    friends,
    good_year,
    grants,
    record,
    withdrawal,
)
from tests.integration.support.replay import assert_as_replayed
from tests.integration.support.stream import Stream

HOUR_MS = 3_600_000
KINDS = (changelog.ROW, changelog.LEDGER, changelog.CONTRACTS, changelog.LINKS)
NewPerson = Callable[[str], str]

COLUMNS = {
    "CREDIT_HISTORY": {
        "payments_newest_s",
        "first_credit_month",
        "payment_months",
        "paid_on_time",
        "paid_late",
        "worst_overdue",
        "chargebacks",
        "account_hash",
        "account_at_s",
        "account_used_permille",
        "recent_payments",
    },
    "BEHAVIOUR": {
        "consumption_newest_s",
        "purchases",
        "essentials",
        "returns",
        "searches",
        "categories",
        "recent_consumption",
    },
    "FULFILMENT": {
        "obligations_newest_s",
        "first_obligation_month",
        "obligation_months",
        "fulfilled",
        "fulfilled_late",
        "breach_months",
        "open_contracts",
        "open_exposure_minor",
    },
    "IDENTITY": {"attribute_verified", "attribute_since"},
    "SOCIAL": {"linked_peers", "scored_peers", "peer_base_sum"},
}
"""What a row keeps of each factor."""
LEDGER_COLUMNS = {
    "FULFILMENT": {"recent_obligations"},
    "IDENTITY": {"attribute_at_ms", "profiles_newest_s"},
    "SOCIAL": {"relationships_newest_s"},
}
LISTS = {"FULFILMENT": changelog.CONTRACTS, "SOCIAL": changelog.LINKS}


def enrolled_with_a_friend(stream: Stream, user: str, friend: str) -> None:
    """Two people with something in every factor, both scored and linked."""
    stream.send([*grants(user), *grants(friend)])
    stream.until_applied()
    stream.send([*good_year(user), *good_year(friend), *friends(user, friend)])
    stream.until_applied()
    assert stream.row(user)["scored_peers"] == 1
    assert stream.row(friend)["scored_peers"] == 1


def filled(row: Any, names: set[str]) -> bool:
    return any(row[name].any() for name in names)


@pytest.mark.parametrize("scope", COLUMNS)
def test_withdrawing_a_factor_empties_its_columns_alone_and_publishes_the_score_anew(
    running: Stream, person: NewPerson, model: Model, scope: str
) -> None:
    user, friend = person("ann"), person("ben")
    enrolled_with_a_friend(running, user, friend)
    before, score_before = running.row(user), running.score_changes(user)[-1]
    assert filled(before, COLUMNS[scope])
    names = LEDGER_COLUMNS.get(scope, set())
    assert not names or filled(running.ledger(user), names)

    running.send([withdrawal(user, scope)])
    running.until_applied()

    after = running.row(user)
    assert not filled(after, COLUMNS[scope])
    assert not filled(running.ledger(user), names)
    if scope in LISTS:
        assert LISTS[scope] + user.encode() not in running.state()
    kept = set().union(*COLUMNS.values()) - COLUMNS[scope]
    assert all((after[name] == before[name]).all() for name in kept)
    assert after["consent_mask"] == before["consent_mask"] ^ 1 << Scope[scope]
    score = running.scores()[user]
    assert score is not None
    assert score["sequence"] > score_before["sequence"]
    consented = {factor["factor"]: factor["consented"] for factor in score["factors"]}
    assert consented == {name: name != scope for name in SCOPES[1:]}
    assert running.row(friend)["linked_peers"] == (0 if scope == "SOCIAL" else 1)
    assert_as_replayed(running, model)


def test_withdrawing_scoring_leaves_tombstones_and_nothing_else_and_the_way_back_is_fresh(
    running: Stream, person: NewPerson, model: Model
) -> None:
    user, friend = person("ann"), person("ben")
    enrolled_with_a_friend(running, user, friend)
    assert all(kind + user.encode() in running.state() for kind in KINDS)

    running.send([withdrawal(user, "SCORING")])
    running.until_applied()

    assert not any(kind + user.encode() in running.state() for kind in KINDS)
    assert running.scores()[user] is None
    assert running.row(friend)["linked_peers"] == 0
    sequences = [score["sequence"] for score in running.score_changes(user)]
    assert sequences == list(range(1, len(sequences) + 1))

    running.send(good_year(user))
    running.until_applied()
    assert changelog.ROW + user.encode() not in running.state()
    assert len(running.score_changes(user)) == len(sequences)

    running.send(grants(user, at_ms=NOW_MS + 1))
    running.until_applied()
    running.send(good_year(user))
    running.until_applied()
    fresh = [score["sequence"] for score in running.score_changes(user)][len(sequences) :]
    assert fresh == list(range(1, len(fresh) + 1))
    score = running.scores()[user]
    assert score is not None
    assert score["status"] == "SCORED"
    assert_as_replayed(running, model)


def test_a_grant_after_other_peoples_data_covers_what_comes_then(
    running: Stream, person: NewPerson, model: Model
) -> None:
    early = person("early")
    late = running.neighbour_of(early, person("late"))
    running.send(grants(early))
    running.until_applied()
    running.send([*good_year(early), *good_year(late)])
    running.until_applied()
    assert changelog.ROW + late.encode() not in running.state()

    running.send(grants(late))
    running.until_applied()
    running.send(good_year(late))
    running.until_applied()

    score = running.scores()[late]
    assert score is not None
    assert score["status"] == "SCORED"
    assert_as_replayed(running, model)


def test_a_grant_covers_what_is_sent_behind_it_though_the_data_are_fetched_first(
    running: Stream, person: NewPerson, model: Model
) -> None:
    user = person("hasty")
    other = running.neighbour_of(user, person("other"))
    (long_notice,) = grants(
        other,
        "PARTNER",
        partner_id="car-rental",
        purpose="CAR_RENTAL_DEPOSIT",
        disclosure="ADMIT",
        notice_version="n" * 4_096,
    )
    (worker,) = running.workers
    worker.pause()
    # Several fetches of consents stand before the grants, none before the payment.
    running.send([long_notice] * 4_000)
    running.send(grants(user, "SCORING", "CREDIT_HISTORY"))
    running.send([record(topics.PAYMENTS, user)])
    worker.go_on()
    running.until_applied()

    assert running.row(user)["payments_newest_s"] == NOW_MS // 1000
    assert_as_replayed(running, model)


def test_who_does_not_consent_leaves_nothing_anywhere(
    running: Stream, person: NewPerson, model: Model
) -> None:
    stranger, friend = person("stranger"), person("ann")
    payment = record(topics.PAYMENTS, stranger)
    running.send(
        [
            *good_year(stranger),
            payment,
            payment,
            record(topics.PAYMENTS, stranger, NOW_MS - 30 * MONTH_MS),
            record(topics.PAYMENTS, stranger, NOW_MS + 30 * DAY_MS),
            record(topics.RELATIONSHIPS, stranger, other_user_id=friend),
            withdrawal(stranger, "BEHAVIOUR", NOW_MS - MONTH_MS),
            withdrawal(stranger, "SCORING"),
            *grants(
                stranger,
                "PARTNER",
                partner_id="car-rental",
                purpose="CAR_RENTAL_DEPOSIT",
                disclosure="ADMIT",
            ),
        ]
    )
    running.until_applied()

    for topic in topics.OUTPUTS:
        for written in running.read(topic):
            assert stranger.encode() not in (written.key or b"")
            assert stranger.encode() not in (written.value or b"")
    assert_as_replayed(running, model)


def test_factors_granted_before_scoring_keep_nothing_and_give_no_score(
    running: Stream, person: NewPerson, model: Model
) -> None:
    user = person("ann")
    running.send(grants(user, *SCOPES[1:]))
    running.until_applied()
    running.send(good_year(user))
    running.until_applied()
    assert not filled(running.row(user), set().union(*COLUMNS.values()))
    assert user not in running.scores()

    running.send(grants(user, "SCORING"))
    running.until_applied()
    running.send(good_year(user))
    running.until_applied()

    assert [score["sequence"] for score in running.score_changes(user)][:1] == [1]
    assert filled(running.row(user), COLUMNS["CREDIT_HISTORY"])
    assert_as_replayed(running, model)


def test_a_grant_ends_when_event_time_passes_its_end(
    stream: Stream, person: NewPerson, model: Model
) -> None:
    # Of its own: others' events may be as far ahead as is allowed, which is behind the end.
    stream.worker().until_ready()
    ann = person("ann")
    ben, other = (stream.neighbour_of(ann, person(name)) for name in ("ben", "other"))
    end_ms = NOW_MS + HOUR_MS
    stream.send(
        [
            *grants(ann, *(set(SCOPES) - {"BEHAVIOUR"})),
            *grants(ann, "BEHAVIOUR", expires_at=end_ms),
            *grants(ben, *SCOPES[1:]),
            *grants(ben, "SCORING", expires_at=end_ms),
            *grants(other),
        ]
    )
    stream.until_applied()
    stream.send([*good_year(ann), *good_year(ben)])
    stream.until_applied()
    assert filled(stream.row(ann), COLUMNS["BEHAVIOUR"])
    before = stream.score_changes(ann)[-1]

    stream.send([record(topics.PAYMENTS, other, end_ms)])
    stream.until(lambda: stream.scores()[ben] is None)
    stream.until_applied()

    row = stream.row(ann)
    assert not filled(row, COLUMNS["BEHAVIOUR"])
    assert filled(row, COLUMNS["CREDIT_HISTORY"])
    score = stream.scores()[ann]
    assert score is not None
    assert score["sequence"] == before["sequence"] + 1
    assert not any(kind + ben.encode() in stream.state() for kind in KINDS)
    assert_as_replayed(stream, model)
