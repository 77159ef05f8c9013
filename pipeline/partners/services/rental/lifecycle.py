"""The life of a rental: which move is possible when, and what is reported of it.

::

    AWAITING_DEPOSIT ──► OPEN ──────────────────────────► FULFILLED
           │              └──► LATE ──► returned ─────────►   ▲
           ▼                            │ with damage         │ for the customer
       CANCELLED                        ▼                     │
                                  DAMAGE_CLAIMED ──► CONTESTED┤
                                        │ not contested       │ against
                                        ▼                     ▼
                                     BREACHED ◄───────────────┘
                                        └──► DISPUTED ──► DISPUTE_UPHELD | DISPUTE_REJECTED

A damage is reported only when nobody contested it in time, or after a review: until then it
is a claim.
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
from pipeline.partners.services.money import money
from pipeline.partners.services.rental.model import (
    DEPOSIT_DAYS,
    Damage,
    DepositStatus,
    Rental,
    RentalStatus,
    Terms,
)
from pipeline.partners.vocabulary import ContractStatus, Outcome

_S = RentalStatus
ALLOWED: dict[str, tuple[RentalStatus, ...]] = {
    "deposit": (_S.AWAITING_DEPOSIT,),
    "cancel": (_S.AWAITING_DEPOSIT,),
    "return": (_S.OPEN, _S.LATE),
    "contest": (_S.DAMAGE_CLAIMED,),
    "review": (_S.CONTESTED,),
    "dispute": (_S.BREACHED,),
    "dispute/review": (_S.DISPUTED,),
    "lapse": (_S.OPEN, _S.DAMAGE_CLAIMED),
}
"""States in which each move may be made."""
ENDPOINTS = tuple(name for name in ALLOWED if name != "lapse")
"""Moves that somebody makes, each by an endpoint of the name."""

_REPORTS = {
    _S.OPEN: ContractStatus.OPENED,
    _S.LATE: ContractStatus.LATE,
    _S.FULFILLED: ContractStatus.FULFILLED,
    _S.DISPUTED: ContractStatus.DISPUTED,
    _S.DISPUTE_UPHELD: ContractStatus.DISPUTE_UPHELD,
    _S.DISPUTE_REJECTED: ContractStatus.DISPUTE_REJECTED,
}


def open_rental(rental_id: str, terms: Terms, decision: Decision, now_ms: int) -> Moved[Rental]:
    """A new rental: open at once where the deposit is waived, else once it is paid."""
    waived = decision.outcome is Outcome.DEPOSIT_WAIVED
    rental = Rental(
        id=rental_id,
        subject=terms.subject,
        status=_S.AWAITING_DEPOSIT,
        vehicle=terms.vehicle,
        days=terms.days,
        daily_rate_minor=terms.daily_rate_minor,
        currency=terms.currency,
        deposit_minor=0 if waived else DEPOSIT_DAYS * terms.daily_rate_minor,
        deposit=DepositStatus.WAIVED if waived else DepositStatus.REQUIRED,
        decision=decision,
        created_at_ms=now_ms,
        changed_at_ms=now_ms,
    )
    if waived:
        return _opened(rental, now_ms, Actor.SERVICE, "Opened without a deposit.")
    words = money(rental.deposit_minor, rental.currency)
    text = f"A deposit of {words} opens the rental."
    return Moved(rental, Entry(now_ms, rental.status, Actor.SERVICE, text))


def pay_deposit(rental: Rental, now_ms: int) -> Moved[Rental]:
    """The deposit was paid: the car is handed over and the days begin."""
    at_ms = _time_of("deposit", rental, now_ms)
    held = replace(rental, deposit=DepositStatus.HELD)
    text = f"The deposit of {money(rental.deposit_minor, rental.currency)} was paid."
    return _opened(held, at_ms, Actor.CUSTOMER, text)


def cancel(rental: Rental, now_ms: int) -> Moved[Rental]:
    """No deposit was paid and no car handed over; nothing is reported."""
    at_ms = _time_of("cancel", rental, now_ms)
    gone = replace(rental, deposit=DepositStatus.NOT_PAID)
    return _moved(
        gone, Entry(at_ms, _S.CANCELLED, Actor.CUSTOMER, "Cancelled before it was opened.")
    )


def take_back(rental: Rental, damage: Damage | None, contest_ms: int, now_ms: int) -> Moved[Rental]:
    """The car came back.

    Args:
        rental: Open or overdue.
        damage: What it came back with; None: in order.
        contest_ms: How long the customer may contest a damage before it is reported.
        now_ms: Now.

    Raises:
        NotAllowedError: The car is not out.
    """
    at_ms = _time_of("return", rental, now_ms)
    back = replace(rental, returned_at_ms=at_ms)
    if damage is None:
        return _fulfilled(back, at_ms, Actor.CUSTOMER, "The car was returned in order.")
    until_ms = at_ms + contest_ms
    claimed = replace(back, damage=damage, contest_until_ms=until_ms, acts_at_ms=until_ms)
    text = (
        f"Returned with damage: {damage.description} "
        f"({money(damage.amount_minor, rental.currency)}). It may be contested until "
        f"{day(until_ms)} and is not reported before."
    )
    return _moved(claimed, Entry(at_ms, _S.DAMAGE_CLAIMED, Actor.STAFF, text))


def contest(rental: Rental, statement: str, now_ms: int) -> Moved[Rental]:
    """The customer contests the damage: somebody has to look at it before it counts."""
    at_ms = _time_of("contest", rental, now_ms)
    text = said("The damage is contested.", statement)
    waiting = replace(rental, acts_at_ms=None)
    return _moved(waiting, Entry(at_ms, _S.CONTESTED, Actor.CUSTOMER, text))


def review(
    rental: Rental, *, for_customer: bool, reasons: Sequence[str], now_ms: int
) -> Moved[Rental]:
    """Staff decides on a contested damage."""
    at_ms = _time_of("review", rental, now_ms)
    why = " ".join(reasons)
    if for_customer:
        text = said("The review found for the customer.", why)
        return _fulfilled(rental, at_ms, Actor.STAFF, text)
    text = said("The review found the damage to be the customer's.", why)
    return _breached(rental, at_ms, Actor.STAFF, text, said("contested and reviewed:", why))


def dispute(rental: Rental, statement: str, now_ms: int) -> Moved[Rental]:
    """The customer disputes a breach that was reported: it does not count meanwhile."""
    at_ms = _time_of("dispute", rental, now_ms)
    text = said("The breach is disputed and does not count meanwhile.", statement)
    return _reported(rental, Entry(at_ms, _S.DISPUTED, Actor.CUSTOMER, text))


def settle_dispute(
    rental: Rental, *, upheld: bool, reasons: Sequence[str], now_ms: int
) -> Moved[Rental]:
    """Staff decides on a dispute; upheld, the breach is taken back and the deposit returned."""
    at_ms = _time_of("dispute/review", rental, now_ms)
    why = " ".join(reasons)
    if upheld:
        text = said("The dispute was upheld: the breach is taken back.", why)
        return _reported(_released(rental), Entry(at_ms, _S.DISPUTE_UPHELD, Actor.STAFF, text))
    text = said("The dispute was rejected: the breach stands.", why)
    return _reported(rental, Entry(at_ms, _S.DISPUTE_REJECTED, Actor.STAFF, text))


def lapse(rental: Rental, now_ms: int) -> Moved[Rental]:
    """What time alone does: an overdue car is late, an uncontested damage a breach.

    Raises:
        NotAllowedError: Time does nothing to a rental in this state.
    """
    at_ms = _time_of("lapse", rental, now_ms)
    if rental.status is _S.DAMAGE_CLAIMED:
        text = "The damage was not contested in time."
        return _breached(rental, at_ms, Actor.CLOCK, text, "not contested in time")
    overdue = replace(rental, acts_at_ms=None)
    return _reported(overdue, Entry(at_ms, _S.LATE, Actor.CLOCK, "The car is overdue."))


def _time_of(action: str, rental: Rental, now_ms: int) -> int:
    if rental.status not in ALLOWED[action]:
        raise NotAllowedError(action, rental.status)
    return next_ms(rental, now_ms)


def _opened(rental: Rental, at_ms: int, actor: Actor, text: str) -> Moved[Rental]:
    due_at_ms = at_ms + rental.days * DAY_MS
    out = replace(rental, opened_at_ms=at_ms, due_at_ms=due_at_ms, acts_at_ms=due_at_ms + 1)
    words = f"{text} The car is due back on {day(due_at_ms)}."
    return _reported(out, Entry(at_ms, _S.OPEN, actor, words))


def _fulfilled(rental: Rental, at_ms: int, actor: Actor, text: str) -> Moved[Rental]:
    done = replace(_released(rental), acts_at_ms=None)
    return _reported(done, Entry(at_ms, _S.FULFILLED, actor, text))


def _breached(rental: Rental, at_ms: int, actor: Actor, text: str, how: str) -> Moved[Rental]:
    damage = rental.damage
    if damage is None:
        raise ValueError("a breach without a damage")
    kept = DepositStatus.KEPT if rental.deposit is DepositStatus.HELD else rental.deposit
    breached = replace(rental, deposit=kept, acts_at_ms=None)
    proof = evidence(f"damage: {damage.description}", damage.evidence, how)
    report = Report(ContractStatus.BREACHED, at_ms, damage.amount_minor, rental.due_at_ms, proof)
    return _moved(breached, Entry(at_ms, _S.BREACHED, actor, text), report)


def _reported(rental: Rental, entry: Entry) -> Moved[Rental]:
    what = _REPORTS[RentalStatus(entry.status)]
    report = Report(what, entry.at_ms, rental.amount_minor, rental.due_at_ms)
    return _moved(rental, entry, report)


def _moved(rental: Rental, entry: Entry, report: Report | None = None) -> Moved[Rental]:
    status = RentalStatus(entry.status)
    return Moved(replace(rental, status=status, changed_at_ms=entry.at_ms), entry, report)


def _released(rental: Rental) -> Rental:
    held = rental.deposit in {DepositStatus.HELD, DepositStatus.KEPT}
    return replace(rental, deposit=DepositStatus.RETURNED) if held else rental
