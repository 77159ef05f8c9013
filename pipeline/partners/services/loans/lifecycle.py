"""The life of a loan: which move is possible when, and what is reported of it.

::

    IN_REVIEW ──► OPEN ──► LATE ──► BREACHED ──► DISPUTED ──► DISPUTE_UPHELD | DISPUTE_REJECTED
      │   ▲         └────────┴──► FULFILLED, once repaid
      ▼   │ contested
    DECLINED

A decline can be contested: somebody looks again. Whoever repays after a breach owes nothing
more, but the breach stays as it was reported, and may still be disputed.
"""

from collections.abc import Sequence
from dataclasses import replace

from pipeline.partners.decision import Decision
from pipeline.partners.services.contracts import (
    DAY_MS,
    Actor,
    Entry,
    Moved,
    NotAllowedError,
    Report,
    day,
    evidence,
    next_ms,
    said,
)
from pipeline.partners.services.loans.model import BREACH_DAYS, Application, Loan, LoanStatus
from pipeline.partners.services.money import money
from pipeline.partners.vocabulary import ContractStatus, Outcome

_S = LoanStatus
ALLOWED: dict[str, tuple[LoanStatus, ...]] = {
    "repayments": (
        _S.OPEN,
        _S.LATE,
        _S.BREACHED,
        _S.DISPUTED,
        _S.DISPUTE_UPHELD,
        _S.DISPUTE_REJECTED,
    ),
    "review": (_S.IN_REVIEW,),
    "contest": (_S.DECLINED,),
    "dispute": (_S.BREACHED,),
    "dispute/review": (_S.DISPUTED,),
    "lapse": (_S.OPEN, _S.LATE),
}
"""States in which each move may be made."""
ENDPOINTS = tuple(name for name in ALLOWED if name != "lapse")
"""Moves that somebody makes, each by an endpoint of the name."""

_REPORTS = {
    _S.OPEN: ContractStatus.OPENED,
    _S.LATE: ContractStatus.LATE,
    _S.FULFILLED: ContractStatus.FULFILLED,
    _S.BREACHED: ContractStatus.BREACHED,
    _S.DISPUTED: ContractStatus.DISPUTED,
    _S.DISPUTE_UPHELD: ContractStatus.DISPUTE_UPHELD,
    _S.DISPUTE_REJECTED: ContractStatus.DISPUTE_REJECTED,
}


class OverpaidError(Exception):
    """More was repaid than is owed."""

    def __init__(self, outstanding_minor: int, currency: str) -> None:
        super().__init__(f"only {money(outstanding_minor, currency)} are left to be repaid")
        self.outstanding_minor = outstanding_minor


def apply_for(loan_id: str, asked: Application, decision: Decision, now_ms: int) -> Moved[Loan]:
    """A new loan: paid out at once where it was approved, else looked at by staff."""
    loan = Loan(
        id=loan_id,
        subject=asked.subject,
        status=_S.IN_REVIEW,
        amount_minor=asked.amount_minor,
        currency=asked.currency,
        term_days=asked.term_days,
        decision=decision,
        created_at_ms=now_ms,
        changed_at_ms=now_ms,
    )
    if decision.outcome is Outcome.LOAN_APPROVED:
        return _opened(loan, now_ms, Actor.SERVICE, "Approved and paid out.")
    text = "A member of staff looks at the application."
    return Moved(loan, Entry(now_ms, loan.status, Actor.SERVICE, text))


def review(loan: Loan, *, approved: bool, reasons: Sequence[str], now_ms: int) -> Moved[Loan]:
    """Staff decides on an application; a decline says why."""
    at_ms = _time_of("review", loan, now_ms)
    why = " ".join(reasons)
    if approved:
        text = said("Approved by staff and paid out.", why)
        return _opened(replace(loan, reasons=()), at_ms, Actor.STAFF, text)
    declined = replace(loan, reasons=tuple(reasons))
    return _moved(declined, Entry(at_ms, _S.DECLINED, Actor.STAFF, said("Declined by staff.", why)))


def contest(loan: Loan, statement: str, now_ms: int) -> Moved[Loan]:
    """The customer wants somebody to look at a decline again."""
    at_ms = _time_of("contest", loan, now_ms)
    text = said("The decline is contested: somebody looks again.", statement)
    return _moved(loan, Entry(at_ms, _S.IN_REVIEW, Actor.CUSTOMER, text))


def repay(loan: Loan, amount_minor: int, now_ms: int) -> Moved[Loan]:
    """Some or all of a loan was repaid.

    Raises:
        NotAllowedError: Nothing is owed.
        OverpaidError: Less is owed than that.
    """
    at_ms = _time_of("repayments", loan, now_ms)
    if not loan.outstanding_minor:
        raise NotAllowedError("repayments", loan.status, "nothing is left to be repaid")
    if amount_minor > loan.outstanding_minor:
        raise OverpaidError(loan.outstanding_minor, loan.currency)
    paid = replace(loan, repaid_minor=loan.repaid_minor + amount_minor)
    text = f"{money(amount_minor, loan.currency)} were repaid"
    if paid.outstanding_minor:
        words = f"{text}; {money(paid.outstanding_minor, loan.currency)} are left."
        return _moved(paid, Entry(at_ms, loan.status, Actor.CUSTOMER, words))
    if loan.status in ALLOWED["lapse"]:
        done = replace(paid, acts_at_ms=None)
        return _reported(done, Entry(at_ms, _S.FULFILLED, Actor.CUSTOMER, f"{text}: all of it."))
    words = f"{text}: all of it. The breach stays as it was reported."
    return _moved(paid, Entry(at_ms, loan.status, Actor.CUSTOMER, words))


def dispute(loan: Loan, statement: str, now_ms: int) -> Moved[Loan]:
    """The customer disputes a breach that was reported: it does not count meanwhile."""
    at_ms = _time_of("dispute", loan, now_ms)
    text = said("The breach is disputed and does not count meanwhile.", statement)
    return _reported(loan, Entry(at_ms, _S.DISPUTED, Actor.CUSTOMER, text))


def settle_dispute(loan: Loan, *, upheld: bool, reasons: Sequence[str], now_ms: int) -> Moved[Loan]:
    """Staff decides on a dispute."""
    at_ms = _time_of("dispute/review", loan, now_ms)
    status = _S.DISPUTE_UPHELD if upheld else _S.DISPUTE_REJECTED
    found = "upheld: the breach is taken back." if upheld else "rejected: the breach stands."
    text = said(f"The dispute was {found}", " ".join(reasons))
    return _reported(loan, Entry(at_ms, status, Actor.STAFF, text))


def lapse(loan: Loan, now_ms: int) -> Moved[Loan]:
    """What time alone does: past due it is late, 90 days past due a breach.

    Raises:
        NotAllowedError: Time does nothing to a loan in this state.
    """
    at_ms = _time_of("lapse", loan, now_ms)
    if loan.due_at_ms is None:
        raise ValueError("a loan that was paid out without a day it is due")
    if loan.status is _S.OPEN:
        breach_at_ms = loan.due_at_ms + BREACH_DAYS * DAY_MS
        overdue = replace(loan, acts_at_ms=breach_at_ms)
        return _reported(overdue, Entry(at_ms, _S.LATE, Actor.CLOCK, "The loan is past due."))
    left = money(loan.outstanding_minor, loan.currency)
    text = f"{left} are unpaid {BREACH_DAYS} days past due."
    lost = f"{left} of {money(loan.amount_minor, loan.currency)} unpaid {BREACH_DAYS} days"
    proof = evidence(f"{lost} after {day(loan.due_at_ms)}, when it was due")
    done = replace(loan, acts_at_ms=None)
    return _reported(done, Entry(at_ms, _S.BREACHED, Actor.CLOCK, text), proof)


def _time_of(action: str, loan: Loan, now_ms: int) -> int:
    if loan.status not in ALLOWED[action]:
        raise NotAllowedError(action, loan.status)
    return next_ms(loan, now_ms)


def _opened(loan: Loan, at_ms: int, actor: Actor, text: str) -> Moved[Loan]:
    due_at_ms = at_ms + loan.term_days * DAY_MS
    out = replace(loan, opened_at_ms=at_ms, due_at_ms=due_at_ms, acts_at_ms=due_at_ms + 1)
    return _reported(out, Entry(at_ms, _S.OPEN, actor, f"{text} It is due on {day(due_at_ms)}."))


def _reported(loan: Loan, entry: Entry, proof: str | None = None) -> Moved[Loan]:
    what = _REPORTS[LoanStatus(entry.status)]
    breach = what is ContractStatus.BREACHED
    amount_minor = loan.outstanding_minor if breach else loan.amount_minor
    return _moved(loan, entry, Report(what, entry.at_ms, amount_minor, loan.due_at_ms, proof))


def _moved(loan: Loan, entry: Entry, report: Report | None = None) -> Moved[Loan]:
    status = LoanStatus(entry.status)
    return Moved(replace(loan, status=status, changed_at_ms=entry.at_ms), entry, report)
