"""Whatever is done to a rental or a loan, in any order, at any time by any clock."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from pipeline.partners.services.contracts import DAY_MS, Moved, NotAllowedError, Report
from pipeline.partners.services.loans import lifecycle as loan_life
from pipeline.partners.services.loans import outlook as loan_outlook
from pipeline.partners.services.loans.model import Application, Loan
from pipeline.partners.services.rental import lifecycle as rental_life
from pipeline.partners.services.rental import outlook as rental_outlook
from pipeline.partners.services.rental.model import Damage, Rental, Terms
from pipeline.partners.vocabulary import Outcome
from tests.property.services.lives import NOW_MS, assert_can_be_kept, decision

# Clocks may stand still and go back.
STEPS_MS = st.integers(-DAY_MS, 120 * DAY_MS)
TEXT = st.text(max_size=5_000)

RENTAL_MOVES: dict[str, Callable[[Rental, int, str], Moved[Rental]]] = {
    "deposit": lambda rental, at, _: rental_life.pay_deposit(rental, at),
    "cancel": lambda rental, at, _: rental_life.cancel(rental, at),
    "in order": lambda rental, at, _: rental_life.take_back(rental, None, DAY_MS, at),
    "damaged": lambda rental, at, text: rental_life.take_back(
        rental, Damage(text, 5_000, text), DAY_MS, at
    ),
    "contest": lambda rental, at, text: rental_life.contest(rental, text, at),
    "cleared": lambda rental, at, text: rental_life.review(
        rental, for_customer=True, reasons=[text], now_ms=at
    ),
    "charged": lambda rental, at, text: rental_life.review(
        rental, for_customer=False, reasons=[text], now_ms=at
    ),
    "dispute": lambda rental, at, text: rental_life.dispute(rental, text, at),
    "uphold": lambda rental, at, text: rental_life.settle_dispute(
        rental, upheld=True, reasons=[text], now_ms=at
    ),
    "reject": lambda rental, at, text: rental_life.settle_dispute(
        rental, upheld=False, reasons=[text], now_ms=at
    ),
    "lapse": lambda rental, at, _: rental_life.lapse(rental, at),
}
LOAN_MOVES: dict[str, Callable[[Loan, int, str], Moved[Loan]]] = {
    "approve": lambda loan, at, text: loan_life.review(
        loan, approved=True, reasons=[text], now_ms=at
    ),
    "decline": lambda loan, at, text: loan_life.review(
        loan, approved=False, reasons=[text], now_ms=at
    ),
    "contest": lambda loan, at, text: loan_life.contest(loan, text, at),
    "repay": lambda loan, at, text: loan_life.repay(loan, len(text) + 1, at),
    "repay all": lambda loan, at, _: loan_life.repay(loan, max(1, loan.outstanding_minor), at),
    "dispute": lambda loan, at, text: loan_life.dispute(loan, text, at),
    "uphold": lambda loan, at, text: loan_life.settle_dispute(
        loan, upheld=True, reasons=[text], now_ms=at
    ),
    "reject": lambda loan, at, text: loan_life.settle_dispute(
        loan, upheld=False, reasons=[text], now_ms=at
    ),
    "lapse": lambda loan, at, _: loan_life.lapse(loan, at),
}


@given(
    waived=st.booleans(),
    moves=st.lists(st.tuples(st.sampled_from(sorted(RENTAL_MOVES)), STEPS_MS, TEXT), max_size=15),
)
def test_what_a_rental_reports_can_be_kept(waived: bool, moves: list[tuple[str, int, str]]) -> None:
    outcome = Outcome.DEPOSIT_WAIVED if waived else Outcome.DEPOSIT_REQUIRED
    terms = Terms("subject", "car", 3, 4_500, "EUR")
    moved = rental_life.open_rental("r", terms, decision(outcome), NOW_MS)
    rental, now_ms = moved.contract, NOW_MS
    reports: list[Report] = [moved.report] if moved.report else []
    for name, step_ms, text in moves:
        now_ms += step_ms
        try:
            moved = RENTAL_MOVES[name](rental, now_ms, text)
        except NotAllowedError:
            continue
        assert moved.contract.changed_at_ms > rental.changed_at_ms
        rental = moved.contract
        reports += [moved.report] if moved.report else []
        assert_can_be_kept(reports)
    assert rental_outlook.way_on(rental) or rental.status in {
        *("OPEN", "FULFILLED", "CANCELLED", "DISPUTE_UPHELD", "DISPUTE_REJECTED")
    }


@given(
    approved=st.booleans(),
    moves=st.lists(st.tuples(st.sampled_from(sorted(LOAN_MOVES)), STEPS_MS, TEXT), max_size=15),
)
def test_what_a_loan_reports_can_be_kept(approved: bool, moves: list[tuple[str, int, str]]) -> None:
    outcome = Outcome.LOAN_APPROVED if approved else Outcome.HUMAN_REVIEW
    asked = Application("subject", 4_000, "EUR", 30)
    moved = loan_life.apply_for("l", asked, decision(outcome), NOW_MS)
    loan, now_ms = moved.contract, NOW_MS
    reports: list[Report] = [moved.report] if moved.report else []
    for name, step_ms, text in moves:
        now_ms += step_ms
        try:
            moved = LOAN_MOVES[name](loan, now_ms, text)
        except (NotAllowedError, loan_life.OverpaidError):
            continue
        assert moved.contract.changed_at_ms > loan.changed_at_ms
        loan = moved.contract
        reports += [moved.report] if moved.report else []
        assert_can_be_kept(reports)
        assert 0 <= loan.repaid_minor <= loan.amount_minor
    # Whoever was declined, or owes, has something to do.
    assert loan_outlook.way_on(loan) or not loan.outstanding_minor
    assert loan_outlook.way_on(loan) or loan.status != "DECLINED"
