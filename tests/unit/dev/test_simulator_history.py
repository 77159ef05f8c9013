from dataclasses import replace

import numpy as np
import pytest
import xxhash

from pipeline import topics
from pipeline.dev.simulator import History, Spec, simulate
from pipeline.dev.simulator.draws import month_bounds
from pipeline.dev.simulator.history import TOPICS
from pipeline.dev.simulator.obligations import PARTNERS
from pipeline.factors.columns import ObligationColumns, PaymentColumns
from pipeline.factors.layout import NO_TIME
from pipeline.factors.vocabulary import ConsentAction, ObligationStatus, PaymentKind, Scope

END_MS = 1_793_000_000_000
SPEC = Spec(people=3_000, months=12, end_ms=END_MS, seed=7)


@pytest.fixture(scope="module")
def history() -> History:
    return simulate(SPEC)


def auc(score: np.ndarray, bad: np.ndarray) -> float:
    rank = np.empty(len(score))
    rank[np.argsort(score)] = np.arange(1, len(score) + 1)
    n_bad = int(bad.sum())
    n_good = len(bad) - n_bad
    return float((rank[bad].sum() - n_bad * (n_bad + 1) / 2) / (n_bad * n_good))


def test_the_same_spec_gives_the_same_history(history: History) -> None:
    again = simulate(SPEC)
    assert again.users == history.users
    assert np.array_equal(again.propensity, history.propensity)
    assert np.array_equal(again.default_12m, history.default_12m)
    for topic in TOPICS:
        one, other = history.events[topic], again.events[topic]
        assert np.array_equal(one.user, other.user)
        assert np.array_equal(one.occurred_at_ms, other.occurred_at_ms)
        assert np.array_equal(one.event_ids(), other.event_ids())
        for name, column in one.fields.items():
            assert np.array_equal(column, other.fields[name]), (topic.name, name)


def test_another_seed_gives_another_history(history: History) -> None:
    other = simulate(replace(SPEC, seed=8))
    assert not np.array_equal(other.propensity, history.propensity)
    assert other.spec.tag != history.spec.tag


def test_event_ids_are_unique_over_all_topics(history: History) -> None:
    ids = np.concatenate([events.event_ids() for events in history.events.values()])
    assert len(np.unique(ids)) == len(history)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_events_stand_in_event_time_and_inside_the_span(
    history: History, topic: topics.Topic
) -> None:
    at = history.events[topic].occurred_at_ms
    assert len(at) > 0
    assert np.all(np.diff(at) >= 0)
    assert at[0] >= month_bounds(END_MS, SPEC.months)[0]
    assert at[-1] < END_MS


def test_nobody_does_anything_before_joining(history: History) -> None:
    joined = history.people.joined_ms
    for events in history.events.values():
        assert np.all(events.occurred_at_ms >= joined[events.user]), events.topic.name


def test_columns_hash_identifiers_as_the_decoder_does(history: History) -> None:
    payments = history.events[topics.PAYMENTS]
    columns = history.as_columns(topics.PAYMENTS)
    assert isinstance(columns, PaymentColumns)
    ids, accounts = payments.event_ids(), payments.account_ids(payments.fields["account_id"])
    for row in range(0, len(payments), 997):
        assert columns.id_hash[row] == xxhash.xxh3_64_intdigest(ids[row]) & (2**40 - 1)
        account = xxhash.xxh3_64_intdigest(accounts[row]) & 0xFFFFFFFF
        assert columns.account[row] == (account if payments.fields["account_id"][row] >= 0 else 0)
    obligations = history.events[topics.OBLIGATIONS]
    steps = history.as_columns(topics.OBLIGATIONS)
    assert isinstance(steps, ObligationColumns)
    contracts = obligations.contract_ids(obligations.fields["contract_id"])
    ids = obligations.event_ids()
    for row in range(0, len(obligations), 997):
        partner = PARTNERS[obligations.fields["partner_id"][row]].encode()
        assert steps.contract[row] == xxhash.xxh3_64_intdigest(partner + b"\0" + contracts[row])
        own_id = xxhash.xxh3_64_intdigest(partner + b"\0" + ids[row])
        assert steps.id_hash[row] == own_id & (2**40 - 1)


def test_about_one_in_ten_never_enrols(history: History) -> None:
    consents = history.events[topics.CONSENTS]
    enrolled = np.unique(consents.user[consents.fields["scope"] == Scope.SCORING])
    assert 0.87 < len(enrolled) / len(history.users) < 0.93


def test_some_withdraw_and_some_of_them_return(history: History) -> None:
    consents = history.events[topics.CONSENTS]
    withdrawn = consents.fields["action"] == ConsentAction.WITHDRAW
    leavers = np.unique(consents.user[withdrawn])
    assert 0.01 < len(leavers) / len(history.users) < 0.05
    left_at = np.full(len(history.users), np.iinfo(np.int64).max)
    np.minimum.at(left_at, consents.user[withdrawn], consents.occurred_at_ms[withdrawn])
    granted_later = ~withdrawn & (consents.occurred_at_ms > left_at[consents.user])
    granted_later &= consents.fields["scope"] != Scope.PARTNER
    assert 0 < len(np.unique(consents.user[granted_later])) < len(leavers)


def test_only_partner_grants_name_a_partner_and_disclosure(history: History) -> None:
    fields = history.events[topics.CONSENTS].fields
    to_partner = fields["scope"] == Scope.PARTNER
    for name in ("partner_id", "purpose", "disclosure"):
        assert np.array_equal(fields[name] != 255, to_partner)
    assert np.all(fields["expires_at"][~to_partner] == NO_TIME)


def test_every_breach_has_its_evidence(history: History) -> None:
    fields = history.events[topics.OBLIGATIONS].fields
    breached = fields["status"] == ObligationStatus.BREACHED
    assert breached.any()
    assert np.array_equal(fields["evidence"] != 255, breached)


def test_a_delinquency_is_reported_thirty_days_or_more_after_the_due_date(
    history: History,
) -> None:
    payments = history.events[topics.PAYMENTS]
    reported = payments.fields["kind"] == PaymentKind.DELINQUENCY
    overdue = payments.occurred_at_ms[reported] - payments.fields["due_at"][reported]
    assert reported.any()
    assert overdue.min() >= 30 * 86_400_000


def test_links_join_different_people_who_are_alike(history: History) -> None:
    links = history.events[topics.RELATIONSHIPS]
    one, other = links.user, links.fields["other_user_id"]
    assert np.all(one != other)
    assert np.corrcoef(history.propensity[one], history.propensity[other])[0, 1] > 0.15


def test_defaults_come_at_the_wanted_rate_and_the_propensity_ranks_them() -> None:
    history = simulate(Spec(people=60_000, months=1, end_ms=END_MS, intensity=0))
    assert 0.05 < history.default_12m.mean() < 0.08
    assert 0.85 < auc(-history.propensity, history.default_12m) < 0.90


@pytest.mark.parametrize("rate", [0.02, 0.20])
def test_the_default_rate_follows_the_spec(rate: float) -> None:
    history = simulate(Spec(60_000, 1, END_MS, intensity=0, default_rate=rate))
    assert history.default_12m.mean() == pytest.approx(rate, rel=0.1)


def test_people_who_default_pay_late_more_often(history: History) -> None:
    payments = history.events[topics.PAYMENTS]
    due = payments.fields["due_at"]
    counted = (due != NO_TIME) & (payments.fields["kind"] != PaymentKind.DELINQUENCY)
    late = payments.occurred_at_ms[counted] > due[counted]
    defaulter = history.default_12m[payments.user[counted]]
    assert late[defaulter].mean() > 2 * late[~defaulter].mean()


@pytest.mark.parametrize(("people", "months"), [(2_000, 6), (2_500, 12)])
def test_for_events_meets_the_wanted_number(people: int, months: int) -> None:
    spec = Spec(people, months, END_MS).for_events(250_000)
    assert len(simulate(spec)) == pytest.approx(250_000, rel=0.1)


@pytest.mark.parametrize(
    "wrong", [{"people": 0}, {"months": 0}, {"default_rate": 1.5}, {"intensity": -1.0}]
)
def test_a_spec_out_of_bounds_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} is"):
        replace(SPEC, **wrong)  # type: ignore[arg-type]


def test_months_end_at_the_same_day_and_time() -> None:
    end = int(np.datetime64("2026-03-31T10:00", "ms").astype(np.int64))
    bounds = month_bounds(end, 2).astype("M8[ms]").astype("M8[m]")
    assert [str(bound) for bound in bounds] == [
        "2026-01-28T10:00",
        "2026-02-28T10:00",
        "2026-03-28T10:00",
    ]
