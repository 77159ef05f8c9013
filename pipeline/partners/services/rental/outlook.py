"""What can be done with a rental next, by staff and by the customer."""

from pipeline.partners.services.contracts import day
from pipeline.partners.services.money import money
from pipeline.partners.services.rental.lifecycle import ALLOWED, ENDPOINTS
from pipeline.partners.services.rental.model import Rental, RentalStatus

_S = RentalStatus


def actions(rental: Rental) -> list[str]:
    """What may be done next, by the name of its endpoint."""
    return [name for name in ENDPOINTS if rental.status in ALLOWED[name]]


def way_on(rental: Rental) -> str | None:
    """What the customer can do now, in words; None: there is nothing to do."""
    match rental.status:
        case _S.AWAITING_DEPOSIT:
            words = money(rental.deposit_minor, rental.currency)
            return f"Pay a deposit of {words}; you get it back when the car is returned in order."
        case _S.DAMAGE_CLAIMED:
            until = day(rental.contest_until_ms or 0)
            return f"Contest the damage until {until}; somebody then looks at it."
        case _S.CONTESTED | _S.DISPUTED:
            return "Somebody looks at it; nothing counts against you meanwhile."
        case _S.BREACHED:
            return "Dispute the breach; it does not count while the dispute is open."
        case _S.LATE:
            return "Return the car; the rental is then fulfilled."
        case _:
            return None
