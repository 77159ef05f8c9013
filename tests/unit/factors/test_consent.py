import numpy as np
import pytest

from pipeline.factors.fold import BatchState, Outcome, Signal, expire_consents
from pipeline.factors.layout import FACTOR_ROW, LEDGER_ROW
from pipeline.factors.vocabulary import (
    Attribute,
    AttributeStatus,
    Category,
    ConsentAction,
    ObligationStatus,
    PaymentKind,
    RelationshipAction,
    Scope,
)
from pipeline.reference.events import Event, Profile, Relationship
from tests.unit.factors.people import (
    at,
    consent,
    enrolled,
    fold,
    outcomes,
    payment,
    purchase,
    step,
)

GRANT, WITHDRAW = ConsentAction
FACTOR_SCOPES = tuple(Scope)[1:6]
KEPT_OF_NOBODY = {"layout", "consent_mask", "published"}
CONSENT_COLUMNS = {"layout", "consent_at_ms", "consent_expires_ms"}


def something_of_each_factor() -> list[Event]:
    head = {"user": "ann", "at_ms": at("2026-03-01"), "kafka_ms": at("2026-03-01"), "id_hash": 9}
    used = {"account": 5, "balance_minor": 10, "limit_minor": 100, "due_ms": at("2026-02-01")}
    return [
        payment("2026-03-01", PaymentKind.REPAYMENT, 1, **used),
        payment("2026-03-01", PaymentKind.CHARGEBACK, 2),
        purchase("2026-03-01", Category.ESSENTIALS, 1),
        step("2026-03-01", 5, ObligationStatus.OPENED),
        step("2026-03-01", 6, ObligationStatus.BREACHED),
        Profile(**head, attribute=Attribute.PHONE, status=AttributeStatus.VERIFIED),  # type: ignore[arg-type]
        Relationship(**head, other="bob", action=RelationshipAction.CONFIRM),  # type: ignore[arg-type]
    ]


def full() -> BatchState:
    state = enrolled()
    fold(state, *something_of_each_factor())
    return state


def filled(state: BatchState) -> set[str]:
    """Columns of both rows that are not empty, but for what is nobody's data."""
    rows = {name for name in FACTOR_ROW.names or () if state.rows[name].tobytes().strip(b"\0")}
    kept = {name for name in LEDGER_ROW.names or () if state.ledgers[name].tobytes().strip(b"\0")}
    return rows - KEPT_OF_NOBODY | kept - CONSENT_COLUMNS


def without(scope: Scope) -> set[str]:
    """The columns of someone who never granted the scope."""
    state = BatchState.empty(["ann"])
    fold(state, *(consent("2020-01-01", other) for other in Scope if other is not scope))
    fold(state, *something_of_each_factor())
    return filled(state)


def test_someone_is_known_from_the_first_grant_of_any_scope_but_partner() -> None:
    state = BatchState.empty(["ann"])
    assert outcomes(fold(state, consent("2026-01-01", Scope.PARTNER))) == [Outcome.APPLIED]
    assert not any(state.rows.tobytes())
    fold(state, consent("2026-01-01", Scope.SOCIAL))
    assert state.rows["layout"][0]
    assert state.rows["consent_mask"][0] == 1 << Scope.SOCIAL


def test_a_withdrawal_of_a_stranger_leaves_nothing_behind() -> None:
    state = BatchState.empty(["ann"])
    result = fold(state, consent("2026-01-01", Scope.SCORING, WITHDRAW))
    assert outcomes(result) == [Outcome.APPLIED]
    assert not result.erased.any()
    assert not any(state.rows.tobytes() + state.ledgers.tobytes())


@pytest.mark.parametrize("scope", FACTOR_SCOPES)
def test_withdrawing_a_factor_empties_its_columns_and_no_others(scope: Scope) -> None:
    state = full()
    result = fold(state, consent("2026-03-02", scope, WITHDRAW))
    assert not state.rows["consent_mask"][0] & 1 << scope
    assert filled(state) == without(scope)
    assert filled(state) < filled(full())
    assert result.touched.tolist() == [True]
    assert not result.erased.any()
    assert (state.contracts == [b""]) == (scope is Scope.FULFILMENT)
    assert (state.links == [b""]) == (scope is Scope.SOCIAL)


def test_withdrawing_scoring_erases_everything_the_consents_too() -> None:
    state = full()
    result = fold(state, consent("2026-03-02", Scope.SCORING, WITHDRAW))
    assert result.erased.tolist() == [True]
    assert result.signals == [Signal("ann", "bob", active=False, wants_reply=False, erased=True)]
    assert not any(state.rows.tobytes() + state.ledgers.tobytes())
    assert (state.contracts, state.links) == ([b""], [b""])


def test_who_enrols_again_in_the_same_batch_was_erased_and_starts_afresh() -> None:
    state = full()
    back = (consent("2026-03-03", Scope.SCORING), consent("2026-03-03", Scope.BEHAVIOUR))
    result = fold(state, consent("2026-03-02", Scope.SCORING, WITHDRAW), *back)
    assert result.erased.tolist() == [True]
    assert state.rows["consent_mask"][0] == 1 << Scope.SCORING | 1 << Scope.BEHAVIOUR
    assert filled(state) == set()


def test_withdrawing_social_says_farewell_to_the_peers() -> None:
    result = fold(full(), consent("2026-03-02", Scope.SOCIAL, WITHDRAW))
    assert result.signals == [Signal("ann", "bob", active=False, wants_reply=False)]


@pytest.mark.parametrize("order", [1, -1])
def test_a_withdrawal_wins_over_a_grant_of_the_same_time(order: int) -> None:
    state = enrolled()
    words = [consent("2026-03-02", Scope.SOCIAL), consent("2026-03-02", Scope.SOCIAL, WITHDRAW)]
    fold(state, *words[::order])
    assert not state.rows["consent_mask"][0] & 1 << Scope.SOCIAL


def test_an_older_withdrawal_does_not_undo_a_newer_grant() -> None:
    state = full()
    before = filled(state)
    fold(state, consent("2026-03-02", Scope.BEHAVIOUR))
    fold(state, consent("2026-03-01", Scope.BEHAVIOUR, WITHDRAW))
    assert state.rows["consent_mask"][0] & 1 << Scope.BEHAVIOUR
    assert filled(state) == before


def test_an_older_grant_does_not_undo_a_newer_withdrawal() -> None:
    state = enrolled()
    fold(state, consent("2026-03-02", Scope.BEHAVIOUR, WITHDRAW))
    fold(state, consent("2026-03-01", Scope.BEHAVIOUR))
    assert not state.rows["consent_mask"][0] & 1 << Scope.BEHAVIOUR


def test_a_consent_ahead_of_its_record_is_future() -> None:
    ahead = consent("2026-03-02", Scope.SOCIAL)
    moved = type(ahead)(
        user="ann",
        at_ms=ahead.at_ms,
        kafka_ms=at("2026-02-28"),
        id_hash=1,
        action=GRANT,
        scope=Scope.SOCIAL,
    )
    assert outcomes(fold(enrolled(), moved)) == [Outcome.FUTURE]


def test_a_grant_that_has_lapsed_by_the_watermark_is_not_in_force() -> None:
    state = BatchState.empty(["ann"])
    lapsed = consent("2026-01-01", Scope.SCORING, ends="2026-02-01")
    result = fold(state, lapsed, now="2026-02-01")
    assert not any(state.rows.tobytes())
    assert not result.erased.any()  # there was nobody to erase
    fold(state, lapsed, now="2026-01-31")
    assert state.rows["consent_mask"][0] == 1 << Scope.SCORING


def test_a_grant_ends_when_the_watermark_reaches_its_end() -> None:
    state = full()
    fold(state, consent("2026-03-02", Scope.BEHAVIOUR, ends="2026-04-01"))
    fold(state, now="2026-03-31")
    assert state.rows["consent_mask"][0] & 1 << Scope.BEHAVIOUR
    result = fold(state, purchase("2026-04-01", Category.HOME, 7), now="2026-04-01")
    assert result.outcomes["consumption"].tolist() == [Outcome.NOT_COVERED]
    assert filled(state) == without(Scope.BEHAVIOUR)


def test_expiry_of_scoring_erases_as_a_withdrawal_would() -> None:
    state = full()
    fold(state, consent("2026-03-02", Scope.SCORING, ends="2026-04-01"))
    assert not expire_consents(state, at("2026-03-31")).touched.any()
    result = expire_consents(state, at("2026-04-01"))
    assert result.erased.tolist() == [True]
    assert result.touched.tolist() == [True]
    assert [signal.receiver for signal in result.signals] == ["bob"]
    assert not any(state.rows.tobytes() + state.ledgers.tobytes())


def test_a_lapsed_grant_leaves_what_a_withdrawal_of_its_time_would() -> None:
    lapsed, withdrawn = full(), full()
    fold(lapsed, consent("2026-03-02", Scope.IDENTITY, ends="2026-04-01"))
    expire_consents(lapsed, at("2026-04-01"))
    fold(withdrawn, consent("2026-03-02", Scope.IDENTITY, WITHDRAW))
    assert lapsed.ledgers.tobytes() == withdrawn.ledgers.tobytes()
    assert lapsed.rows.tobytes() == withdrawn.rows.tobytes()


@pytest.mark.parametrize("order", [1, -1])
def test_a_renewal_carries_a_grant_past_its_first_end(order: int) -> None:
    state = full()
    words = [
        consent("2026-03-02", Scope.BEHAVIOUR, ends="2026-04-01"),
        consent("2026-03-20", Scope.BEHAVIOUR),
    ]
    fold(state, *words[::order])
    expire_consents(state, at("2030-01-01"))
    assert state.rows["consent_mask"][0] & 1 << Scope.BEHAVIOUR


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("other", ["2026-06-01", None])
def test_of_two_grants_of_the_same_time_the_one_that_ends_first_decides(
    other: str | None, order: int
) -> None:
    state = enrolled()
    ends = [consent("2026-03-02", Scope.SOCIAL, ends=end) for end in ("2026-04-01", other)]
    fold(state, *ends[::order])
    assert state.ledgers["consent_expires_ms"][0, Scope.SOCIAL] == at("2026-04-01")


def test_no_factor_is_kept_while_scoring_is_not_granted() -> None:
    state = BatchState.empty(["ann"])
    fold(state, *(consent("2020-01-01", scope) for scope in FACTOR_SCOPES))
    result = fold(state, *something_of_each_factor())
    for found in result.outcomes.values():
        assert np.unique(found).tolist() == [Outcome.NOT_COVERED]
    assert filled(state) == set()
