"""The services there are, by the partner's id."""

from typing import Any

from fastapi import APIRouter

from pipeline.partners.services.app import About
from pipeline.partners.services.contracts import DAY_MS
from pipeline.partners.services.deciding import Deciding
from pipeline.partners.services.loans import lifecycle as loan_life
from pipeline.partners.services.loans import rows as loan_rows
from pipeline.partners.services.loans.bodies import LoanBody
from pipeline.partners.services.loans.model import LoanStatus
from pipeline.partners.services.loans.routes import loan_routes
from pipeline.partners.services.rental import lifecycle as rental_life
from pipeline.partners.services.rental import rows as rental_rows
from pipeline.partners.services.rental.bodies import RentalBody
from pipeline.partners.services.rental.model import Rental, RentalStatus
from pipeline.partners.services.rental.routes import rental_routes
from pipeline.partners.services.service import Line
from pipeline.partners.services.web import Counter
from pipeline.partners.vocabulary import ContractKind, Fallback, Purpose
from pipeline.settings import Settings

CAR_RENTAL, MICROLOAN = "car-rental", "microloan"
SERVED = (CAR_RENTAL, MICROLOAN)
"""Partners that have a service here."""


def line_of(partner_id: str, settings: Settings) -> Line[Any]:
    """What makes the partner's service the one it is.

    Raises:
        KeyError: There is none for this partner.
    """
    return {CAR_RENTAL: _rentals, MICROLOAN: _loans}[partner_id](settings)


def _rentals(settings: Settings) -> Line[Rental]:
    contest_ms = round(settings.contest_days * DAY_MS)

    def routes(counter: Counter[Rental], decide: Deciding) -> APIRouter:
        return rental_routes(counter, decide, contest_ms)

    return Line(
        name="rental",
        kind=ContractKind.RENTAL,
        purpose=Purpose.CAR_RENTAL_DEPOSIT,
        fallback=Fallback.DEPOSIT,
        about=About(
            "Car rental",
            "Cars for some days. The deposit is waived for whoever lets us see that the score "
            "is high enough; everybody else pays one and gets it back.",
            "rental.html",
            ("clerk.css", "clerk.js", "rental.js"),
        ),
        metadata=rental_rows.METADATA,
        tables=rental_rows.TABLES,
        rows=rental_rows.RentalRows(),
        statuses=tuple(RentalStatus),
        lapse=rental_life.lapse,
        render=RentalBody.of,
        routes=routes,
    )


def _loans(settings: Settings) -> Line[Any]:
    del settings
    return Line(
        name="loan",
        kind=ContractKind.LOAN,
        purpose=Purpose.MICROLOAN,
        fallback=Fallback.HUMAN_REVIEW,
        about=About(
            "Microloans",
            "Small amounts for some days. Approved at once for whoever lets us see that the "
            "score is high enough; a member of staff looks at every other application.",
            "loan.html",
            ("clerk.css", "clerk.js", "loan.js"),
        ),
        metadata=loan_rows.METADATA,
        tables=loan_rows.TABLES,
        rows=loan_rows.LoanRows(),
        statuses=tuple(LoanStatus),
        lapse=loan_life.lapse,
        render=LoanBody.of,
        routes=loan_routes,
    )
