import dataclasses

import pytest

from pipeline.partners.decision import decide, outcomes_of
from pipeline.partners.records import PartnerScore
from pipeline.partners.registry import Policy
from pipeline.partners.vocabulary import Admitted, Disclosure, Fallback, Outcome, Purpose

CAR_RENTAL = Policy(
    "car-rental", "Car rental", Purpose.CAR_RENTAL_DEPOSIT, 650, Disclosure.SCORE, Fallback.DEPOSIT
)
MICROLOAN = Policy(
    "microloan", "Microloan", Purpose.MICROLOAN, 600, Disclosure.SCORE, Fallback.HUMAN_REVIEW
)
TEXTS = {"LATE_PAYMENTS": "Payments were late."}


def seen(policy: Policy, admitted: Admitted) -> PartnerScore:
    return PartnerScore(
        subject="ann",
        partner_id=policy.partner_id,
        purpose=policy.purpose,
        disclosure=Disclosure.ADMIT,
        admitted=admitted,
        band=None,
        score=None,
        threshold=policy.threshold,
        reasons=("LATE_PAYMENTS", "NEW_CODE") if admitted is Admitted.NO else (),
        model="default@1",
        as_of_ms=1_000,
        grant_expires_at_ms=None,
        sequence=1,
    )


@pytest.mark.parametrize(
    ("policy", "admitted", "outcome"),
    [
        (CAR_RENTAL, Admitted.YES, Outcome.DEPOSIT_WAIVED),
        (CAR_RENTAL, Admitted.NO, Outcome.DEPOSIT_REQUIRED),
        (CAR_RENTAL, Admitted.NOT_AVAILABLE, Outcome.DEPOSIT_REQUIRED),
        (MICROLOAN, Admitted.YES, Outcome.LOAN_APPROVED),
        (MICROLOAN, Admitted.NO, Outcome.HUMAN_REVIEW),
        (MICROLOAN, Admitted.NOT_AVAILABLE, Outcome.HUMAN_REVIEW),
    ],
)
def test_each_partner_decides_by_what_it_may_see(
    policy: Policy, admitted: Admitted, outcome: Outcome
) -> None:
    decision = decide(seen(policy, admitted), policy, TEXTS)

    assert (decision.outcome, decision.admitted) == (outcome, admitted)


def test_whoever_is_absent_is_decided_on_as_if_a_score_were_not_available() -> None:
    absent = decide(None, CAR_RENTAL, TEXTS)

    assert absent == decide(seen(CAR_RENTAL, Admitted.NOT_AVAILABLE), CAR_RENTAL, TEXTS)
    assert absent.admitted is Admitted.NOT_AVAILABLE


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("fallback", Fallback)
def test_no_policy_leaves_anyone_without_a_way_on(purpose: Purpose, fallback: Fallback) -> None:
    policy = Policy("any", "Any", purpose, 600, Disclosure.ADMIT, fallback)

    approval, way_on = outcomes_of(policy)

    assert decide(seen(policy, Admitted.YES), policy, {}).outcome is approval
    assert decide(seen(policy, Admitted.NO), policy, {}).outcome is way_on
    assert way_on in (Outcome.DEPOSIT_REQUIRED, Outcome.HUMAN_REVIEW)
    assert approval not in (Outcome.DEPOSIT_REQUIRED, Outcome.HUMAN_REVIEW)


def test_who_is_not_admitted_is_told_why_in_words() -> None:
    decision = decide(seen(CAR_RENTAL, Admitted.NO), CAR_RENTAL, TEXTS)

    assert decision.reasons == ("LATE_PAYMENTS", "NEW_CODE")
    assert decision.reason_texts == ("Payments were late.", "NEW_CODE")
    assert decision.text == "A deposit is required."


def test_a_decision_names_the_model_and_the_time_of_the_score() -> None:
    decision = decide(seen(MICROLOAN, Admitted.YES), MICROLOAN, TEXTS)

    assert (decision.model, decision.as_of_ms) == ("default@1", 1_000)


def test_a_decision_names_the_threshold_the_score_was_held_against() -> None:
    held = dataclasses.replace(seen(CAR_RENTAL, Admitted.NO), threshold=620)

    assert decide(held, CAR_RENTAL, TEXTS).threshold == 620
    assert decide(None, CAR_RENTAL, TEXTS).threshold == CAR_RENTAL.threshold


@pytest.mark.parametrize("change", [{"partner_id": "microloan"}, {"purpose": "HOTEL_DEPOSIT"}])
def test_what_was_granted_for_another_use_counts_as_nothing(change: dict[str, str]) -> None:
    elsewhere = dataclasses.replace(seen(CAR_RENTAL, Admitted.YES), **change)  # type: ignore[arg-type]

    assert decide(elsewhere, CAR_RENTAL, TEXTS).outcome is Outcome.DEPOSIT_REQUIRED
