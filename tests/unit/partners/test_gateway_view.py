import dataclasses

import pytest

from pipeline.partners.gateway_view import GatewayView
from pipeline.partners.records import Change, ConsentEvent, PartnerScore, ScoreEvent
from pipeline.partners.registry import Policy
from pipeline.partners.view import LocalView
from pipeline.partners.vocabulary import Admitted, Disclosure, Fallback, Purpose

POLICY = Policy(
    "car-rental", "Car rental", Purpose.CAR_RENTAL_DEPOSIT, 650, Disclosure.SCORE, Fallback.DEPOSIT
)


GRANT = ConsentEvent(
    user_id="ann",
    occurred_at_ms=0,
    granted=True,
    scoring=False,
    partner_id="car-rental",
    purpose="CAR_RENTAL_DEPOSIT",
    disclosure=Disclosure.SCORE,
)


def consent(at_ms: int, **changes: object) -> ConsentEvent:
    return dataclasses.replace(GRANT, occurred_at_ms=at_ms, **changes)  # type: ignore[arg-type]


def scoring(at_ms: int, *, granted: bool, expires_at_ms: int | None = None) -> ConsentEvent:
    return ConsentEvent("ann", at_ms, granted, scoring=True, expires_at_ms=expires_at_ms)


def scored(sequence: int, score: int | None = 660, band: str = "VERY_GOOD") -> ScoreEvent:
    reasons = ("LATE_PAYMENTS", "SHORT_HISTORY")
    return ScoreEvent(score, band if score else None, reasons, "default@1", 1_000, sequence)


class Side:
    """A gateway's view and a partner's, joined; scores are given again when asked for."""

    def __init__(self, policy: Policy = POLICY) -> None:
        self.gateway = GatewayView(policy)
        self.local = LocalView()
        self.now_ms = 0

    def take(self, *changes: Change | None) -> None:
        for change in changes:
            if change is not None:
                self.local.apply(change)

    def consents(self, *events: ConsentEvent) -> "Side":
        self.take(*(self.gateway.consent(event) for event in events))
        return self

    def scores(self, *events: ScoreEvent | None) -> "Side":
        self.take(*(self.gateway.score("ann", event) for event in events))
        return self

    def at(self, now_ms: int) -> "Side":
        self.now_ms = now_ms
        self.take(*self.gateway.advance(now_ms))
        return self

    @property
    def seen(self) -> PartnerScore | None:
        return self.local.get("ann", self.now_ms)

    def sees(self) -> PartnerScore:
        assert self.seen is not None
        return self.seen


def test_a_granted_score_is_seen() -> None:
    seen = Side().consents(consent(1)).scores(scored(1)).sees()

    assert (seen.subject, seen.score, seen.band) == ("ann", 660, "VERY_GOOD")
    assert seen.admitted is Admitted.YES


def test_the_threshold_itself_is_admitted_and_a_point_less_is_not() -> None:
    granted = Side().consents(consent(1))

    assert granted.scores(scored(1, 650)).sees().admitted is Admitted.YES
    assert granted.scores(scored(2, 649)).sees().admitted is Admitted.NO


def test_without_a_grant_nothing_is_seen_or_kept() -> None:
    side = Side().scores(scored(1))

    assert side.seen is None
    assert len(side.local) == 0
    assert "ann" not in side.gateway


@pytest.mark.parametrize(
    "other",
    [
        {"partner_id": "microloan"},
        {"purpose": "MICROLOAN"},
        {"partner_id": None, "purpose": None},
    ],
)
def test_a_grant_for_someone_or_something_else_shows_nothing(other: dict[str, object]) -> None:
    assert Side().consents(consent(1, **other)).scores(scored(1)).seen is None


@pytest.mark.parametrize(
    ("disclosure", "band", "score"),
    [
        (Disclosure.ADMIT, None, None),
        (Disclosure.BAND, "VERY_GOOD", None),
        (Disclosure.SCORE, "VERY_GOOD", 660),
        (None, None, None),
    ],
)
def test_no_more_is_seen_than_the_person_granted(
    disclosure: Disclosure | None, band: str | None, score: int | None
) -> None:
    seen = Side().consents(consent(1, disclosure=disclosure)).scores(scored(1)).sees()

    assert (seen.band, seen.score) == (band, score)


def test_no_more_is_seen_than_the_registry_allows() -> None:
    policy = Policy(
        "car-rental", "", Purpose.CAR_RENTAL_DEPOSIT, 650, Disclosure.BAND, Fallback.DEPOSIT
    )

    seen = Side(policy).consents(consent(1)).scores(scored(1)).sees()

    assert (seen.disclosure, seen.band, seen.score) == (Disclosure.BAND, "VERY_GOOD", None)


def test_reasons_are_seen_only_where_the_score_is_not_admitted() -> None:
    granted = Side().consents(consent(1))

    assert granted.scores(scored(1, 660)).sees().reasons == ()
    assert granted.scores(scored(2, 640)).sees().reasons == ("LATE_PAYMENTS", "SHORT_HISTORY")


def test_a_thin_file_looks_like_no_score_at_all() -> None:
    thin = Side().consents(consent(1)).scores(scored(1, None))
    unscored = Side().consents(consent(1))

    assert thin.seen is None
    assert unscored.seen is None
    assert list(thin.local) == list(unscored.local) == ["ann"]


def test_a_score_that_turns_thin_is_seen_no_more() -> None:
    assert Side().consents(consent(1)).scores(scored(1), scored(2, None)).seen is None


def test_a_withdrawal_forgets_the_person() -> None:
    side = Side().consents(consent(1)).scores(scored(1)).consents(consent(2, granted=False))

    assert side.seen is None
    assert "ann" not in side.local
    assert "ann" not in side.gateway


def test_a_withdrawal_at_the_same_time_wins() -> None:
    assert "ann" not in Side().consents(consent(2), consent(2, granted=False)).local
    assert "ann" not in Side().consents(consent(2, granted=False), consent(2)).local


def test_of_two_grants_at_the_same_time_the_narrower_holds() -> None:
    grants = consent(1), consent(1, disclosure=Disclosure.ADMIT)

    for order in (grants, grants[::-1]):
        assert Side().consents(*order).scores(scored(1)).sees().score is None


def test_an_older_withdrawal_that_arrives_late_changes_nothing() -> None:
    side = Side().consents(consent(2)).scores(scored(1)).consents(consent(1, granted=False))

    assert side.sees().score == 660


def test_a_new_grant_after_a_withdrawal_starts_with_nothing() -> None:
    side = Side().consents(consent(1)).scores(scored(1))
    side.consents(consent(2, granted=False), consent(3))

    assert "ann" in side.local
    assert side.seen is None
    assert side.scores(scored(1)).sees().score == 660


def test_a_narrower_grant_hides_what_was_seen_at_once() -> None:
    side = Side().consents(consent(1)).scores(scored(1))
    side.consents(consent(2, disclosure=Disclosure.ADMIT))

    assert side.seen is None
    assert side.scores(scored(1)).sees().score is None


def test_withdrawing_scoring_ends_the_grant_too() -> None:
    side = Side().consents(consent(1)).scores(scored(1)).consents(scoring(2, granted=False))

    assert "ann" not in side.local


def test_enrolling_anew_does_not_bring_an_old_grant_back() -> None:
    side = Side().consents(consent(1), scoring(2, granted=False), scoring(3, granted=True))

    assert "ann" not in side.local
    assert "ann" in side.consents(consent(4)).local


def test_an_erased_score_is_forgotten_and_a_new_one_starts_anew() -> None:
    side = Side().consents(consent(1)).scores(scored(7), None)

    assert side.seen is None
    assert side.scores(scored(1, 700)).sees().score == 700


def test_a_grant_ends_when_it_expires() -> None:
    side = Side().consents(consent(1, expires_at_ms=100)).scores(scored(1))

    assert side.at(99).sees().score == 660
    assert "ann" not in side.at(100).local


def test_an_expired_grant_shows_nothing_even_before_its_end_is_told() -> None:
    side = Side().consents(consent(1, expires_at_ms=100)).scores(scored(1))

    assert side.local.get("ann", 100) is None


def test_a_grant_that_had_expired_when_it_came_never_counts() -> None:
    assert "ann" not in Side().at(100).consents(consent(1, expires_at_ms=100)).local


def test_a_renewed_grant_outlives_the_end_of_the_former() -> None:
    side = Side().consents(consent(1, expires_at_ms=100), consent(2, expires_at_ms=200))

    assert "ann" in side.at(150).local
    assert "ann" not in side.at(200).local


def test_a_grant_ends_with_the_enrolment_it_was_given_under() -> None:
    side = Side().consents(scoring(1, granted=True, expires_at_ms=100), consent(2))

    assert "ann" in side.at(99).local
    assert "ann" not in side.at(100).local
    assert "ann" not in side.consents(scoring(101, granted=True)).local
    assert "ann" in side.consents(consent(102)).local


def test_a_grant_goes_on_when_the_enrolment_is_renewed_in_time() -> None:
    side = Side().consents(scoring(1, granted=True, expires_at_ms=100), consent(2))
    side.consents(scoring(50, granted=True))

    assert "ann" in side.at(100).local


def test_an_enrolment_that_lapsed_unnoticed_still_ends_the_grant() -> None:
    side = Side().consents(scoring(1, granted=True, expires_at_ms=100), consent(2))
    side.consents(scoring(101, granted=True))

    assert "ann" not in side.local


def test_an_older_enrolment_that_arrives_late_says_nothing_new() -> None:
    side = Side().consents(scoring(2, granted=True, expires_at_ms=200), consent(3))
    side.consents(scoring(1, granted=True, expires_at_ms=100))

    assert "ann" in side.at(100).local
    assert "ann" not in side.at(200).local


def test_repeats_are_dropped_by_their_sequence_and_counted() -> None:
    side = Side().consents(consent(1)).scores(scored(2, 700), scored(1, 400), scored(2, 400))

    assert side.sees().score == 700
    assert side.local.repeats == 2


def test_a_second_delivery_of_a_grant_changes_nothing() -> None:
    side = Side().consents(consent(1)).scores(scored(1)).consents(consent(1))

    assert side.sees().score == 660
