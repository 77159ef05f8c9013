"""The HTTP endpoints of the car rental."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from pipeline.partners.services.bodies import DisputeReviewBody, StatementBody
from pipeline.partners.services.deciding import Deciding
from pipeline.partners.services.rental import lifecycle
from pipeline.partners.services.rental.bodies import (
    RentalBody,
    RentalRequest,
    RentalsBody,
    RentalSummary,
    ReturnBody,
    ReviewBody,
    Status,
)
from pipeline.partners.services.rental.model import Rental
from pipeline.partners.services.web import (
    CREATED,
    LISTS,
    MOVES,
    OPENS,
    READS,
    Counter,
    IdempotencyKey,
    Limit,
    SubjectQuery,
)

_StatusQuery = Annotated[Status | None, Query(description="Only those with this status.")]


def rental_routes(counter: Counter[Rental], decide: Deciding, contest_ms: int) -> APIRouter:
    """The endpoints.

    Args:
        counter: Answers.
        decide: Decides on a person.
        contest_ms: How long a damage may be contested.
    """
    router = APIRouter(tags=["rentals"])
    _opening(router, counter, decide)
    _reading(router, counter)
    _returning(router, counter, contest_ms)
    _disputing(router, counter)
    return router


def _opening(router: APIRouter, counter: Counter[Rental], decide: Deciding) -> None:
    @router.post(
        "/rentals",
        status_code=HTTPStatus.CREATED,
        response_model=RentalBody,
        responses=CREATED | OPENS,
    )
    def open_rental(
        request: Request, asked: RentalRequest, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """Rent a car: at once where the deposit is waived, else once it is paid."""
        return counter.open(
            request,
            idempotency_key,
            asked,
            lambda rental_id, now_ms: lifecycle.open_rental(
                rental_id, asked.terms(), decide(asked.subject), now_ms
            ),
        )

    @router.post("/rentals/{rental_id}/deposit", response_model=RentalBody, responses=MOVES)
    def pay_deposit(
        request: Request, rental_id: str, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """The deposit was paid: the rental opens."""
        return counter.move(request, idempotency_key, rental_id, lifecycle.pay_deposit)

    @router.post("/rentals/{rental_id}/cancel", response_model=RentalBody, responses=MOVES)
    def cancel(
        request: Request, rental_id: str, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """The customer does not want the car after all; only before a deposit was paid."""
        return counter.move(request, idempotency_key, rental_id, lifecycle.cancel)


def _reading(router: APIRouter, counter: Counter[Rental]) -> None:
    @router.get("/rentals", responses=LISTS)
    def find_rentals(
        subject: SubjectQuery = None, status: _StatusQuery = None, limit: Limit = 50
    ) -> RentalsBody:
        """Rentals of a person, or with a status, newest first."""
        found, more = counter.find(subject, status, limit)
        return RentalsBody(rentals=[RentalSummary.of(rental) for rental in found], more=more)

    @router.get("/rentals/{rental_id}", response_model=RentalBody, responses=READS)
    def show_rental(rental_id: str) -> Response:
        """A rental with its decision and history."""
        return counter.show(rental_id)


def _returning(router: APIRouter, counter: Counter[Rental], contest_ms: int) -> None:
    @router.post("/rentals/{rental_id}/return", response_model=RentalBody, responses=MOVES)
    def take_back(
        request: Request,
        rental_id: str,
        asked: ReturnBody | None = None,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """The car came back, in order or with a damage, which may then be contested."""
        damage = asked.damage.damage() if asked and asked.damage else None
        return counter.move(
            request,
            idempotency_key,
            rental_id,
            lambda rental, now_ms: lifecycle.take_back(rental, damage, contest_ms, now_ms),
            asked,
        )

    @router.post("/rentals/{rental_id}/contest", response_model=RentalBody, responses=MOVES)
    def contest(
        request: Request,
        rental_id: str,
        asked: StatementBody | None = None,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """The customer contests the damage: it does not count before staff looked at it."""
        statement = asked.statement if asked else ""
        return counter.move(
            request,
            idempotency_key,
            rental_id,
            lambda rental, now_ms: lifecycle.contest(rental, statement, now_ms),
            asked,
        )

    @router.post("/rentals/{rental_id}/review", response_model=RentalBody, responses=MOVES)
    def review(
        request: Request,
        rental_id: str,
        asked: ReviewBody,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """Staff decides on a contested damage."""
        return counter.move(
            request,
            idempotency_key,
            rental_id,
            lambda rental, now_ms: lifecycle.review(
                rental,
                for_customer=asked.decision == "FOR_CUSTOMER",
                reasons=asked.reasons,
                now_ms=now_ms,
            ),
            asked,
        )


def _disputing(router: APIRouter, counter: Counter[Rental]) -> None:
    @router.post("/rentals/{rental_id}/dispute", response_model=RentalBody, responses=MOVES)
    def dispute(
        request: Request,
        rental_id: str,
        asked: StatementBody | None = None,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """The customer disputes a breach: it does not count while the dispute is open."""
        statement = asked.statement if asked else ""
        return counter.move(
            request,
            idempotency_key,
            rental_id,
            lambda rental, now_ms: lifecycle.dispute(rental, statement, now_ms),
            asked,
        )

    @router.post("/rentals/{rental_id}/dispute/review", response_model=RentalBody, responses=MOVES)
    def settle_dispute(
        request: Request,
        rental_id: str,
        asked: DisputeReviewBody,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """Staff decides on a dispute."""
        return counter.move(
            request,
            idempotency_key,
            rental_id,
            lambda rental, now_ms: lifecycle.settle_dispute(
                rental, upheld=asked.decision == "UPHOLD", reasons=asked.reasons, now_ms=now_ms
            ),
            asked,
        )
