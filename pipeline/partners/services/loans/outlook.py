"""What can be done with a loan next, by staff and by the customer."""

from pipeline.partners.services.contracts import day
from pipeline.partners.services.loans.lifecycle import ALLOWED, ENDPOINTS
from pipeline.partners.services.loans.model import Loan, LoanStatus
from pipeline.partners.services.money import money

_S = LoanStatus
_WAYS_ON = {
    _S.IN_REVIEW: "A member of staff decides; nothing else is needed of you.",
    _S.DECLINED: "Contest the decline, and somebody looks again; or apply for a smaller amount "
    "or a longer term.",
    _S.BREACHED: "Dispute the breach; it does not count while the dispute is open.",
    _S.DISPUTED: "Somebody looks at it; the breach does not count meanwhile.",
}


def actions(loan: Loan) -> list[str]:
    """What may be done next, by the name of its endpoint."""
    possible = [name for name in ENDPOINTS if loan.status in ALLOWED[name]]
    if not loan.outstanding_minor and "repayments" in possible:
        possible.remove("repayments")
    return possible


def way_on(loan: Loan) -> str | None:
    """What the customer can do now, in words; None: there is nothing to do."""
    if loan.status in _WAYS_ON:
        return _WAYS_ON[loan.status]
    if not loan.outstanding_minor:
        return None
    left = money(loan.outstanding_minor, loan.currency)
    if loan.status is _S.OPEN:
        return f"Repay {left} by {day(loan.due_at_ms or 0)}, at once or in parts."
    return f"Repay {left}, at once or in parts."
