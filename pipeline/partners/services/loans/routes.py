"""The HTTP endpoints of the microloans."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from pipeline.partners.services.bodies import DisputeReviewBody, StatementBody
from pipeline.partners.services.contracts import Moved
from pipeline.partners.services.deciding import Deciding
from pipeline.partners.services.loans import lifecycle
from pipeline.partners.services.loans.bodies import (
    LoanBody,
    LoanRequest,
    LoansBody,
    LoanSummary,
    RepaymentBody,
    ReviewBody,
    Status,
)
from pipeline.partners.services.loans.model import Loan
from pipeline.partners.services.problems import invalid
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


def loan_routes(counter: Counter[Loan], decide: Deciding) -> APIRouter:
    """The endpoints.

    Args:
        counter: Answers.
        decide: Decides on a person.
    """
    router = APIRouter(tags=["loans"])
    _applying(router, counter, decide)
    _reading(router, counter)
    _repaying(router, counter)
    _reviewing(router, counter)
    _disputing(router, counter)
    return router


def _applying(router: APIRouter, counter: Counter[Loan], decide: Deciding) -> None:
    @router.post(
        "/loans",
        status_code=HTTPStatus.CREATED,
        response_model=LoanBody,
        responses=CREATED | OPENS,
    )
    def apply_for(
        request: Request, asked: LoanRequest, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """Apply for a loan: paid out at once where it is approved, else looked at by staff."""
        return counter.open(
            request,
            idempotency_key,
            asked,
            lambda loan_id, now_ms: lifecycle.apply_for(
                loan_id, asked.application(), decide(asked.subject), now_ms
            ),
        )


def _reading(router: APIRouter, counter: Counter[Loan]) -> None:
    @router.get("/loans", responses=LISTS)
    def find_loans(
        subject: SubjectQuery = None, status: _StatusQuery = None, limit: Limit = 50
    ) -> LoansBody:
        """Loans of a person, or with a status, newest first."""
        found, more = counter.find(subject, status, limit)
        return LoansBody(loans=[LoanSummary.of(loan) for loan in found], more=more)

    @router.get("/loans/{loan_id}", response_model=LoanBody, responses=READS)
    def show_loan(loan_id: str) -> Response:
        """A loan with its decision and history."""
        return counter.show(loan_id)


def _repaying(router: APIRouter, counter: Counter[Loan]) -> None:
    @router.post(
        "/loans/{loan_id}/repayments",
        status_code=HTTPStatus.CREATED,
        response_model=LoanBody,
        responses=MOVES,
    )
    def repay(
        request: Request,
        loan_id: str,
        asked: RepaymentBody,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """Some or all of a loan was repaid; not more than is left."""

        def move(loan: Loan, now_ms: int) -> Moved[Loan]:
            try:
                return lifecycle.repay(loan, asked.amount_minor, now_ms)
            except lifecycle.OverpaidError as error:
                raise invalid([{"pointer": "/amount_minor", "detail": str(error)}]) from error

        return counter.move(request, idempotency_key, loan_id, move, asked, HTTPStatus.CREATED)


def _reviewing(router: APIRouter, counter: Counter[Loan]) -> None:
    @router.post("/loans/{loan_id}/review", response_model=LoanBody, responses=MOVES)
    def review(
        request: Request, loan_id: str, asked: ReviewBody, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """Staff decides on an application; a decline says why, and may be contested."""
        return counter.move(
            request,
            idempotency_key,
            loan_id,
            lambda loan, now_ms: lifecycle.review(
                loan, approved=asked.decision == "APPROVE", reasons=asked.reasons, now_ms=now_ms
            ),
            asked,
        )

    @router.post("/loans/{loan_id}/contest", response_model=LoanBody, responses=MOVES)
    def contest(
        request: Request,
        loan_id: str,
        asked: StatementBody | None = None,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """The customer contests a decline: somebody looks again."""
        statement = asked.statement if asked else ""
        return counter.move(
            request,
            idempotency_key,
            loan_id,
            lambda loan, now_ms: lifecycle.contest(loan, statement, now_ms),
            asked,
        )


def _disputing(router: APIRouter, counter: Counter[Loan]) -> None:
    @router.post("/loans/{loan_id}/dispute", response_model=LoanBody, responses=MOVES)
    def dispute(
        request: Request,
        loan_id: str,
        asked: StatementBody | None = None,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """The customer disputes a breach: it does not count while the dispute is open."""
        statement = asked.statement if asked else ""
        return counter.move(
            request,
            idempotency_key,
            loan_id,
            lambda loan, now_ms: lifecycle.dispute(loan, statement, now_ms),
            asked,
        )

    @router.post("/loans/{loan_id}/dispute/review", response_model=LoanBody, responses=MOVES)
    def settle_dispute(
        request: Request,
        loan_id: str,
        asked: DisputeReviewBody,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """Staff decides on a dispute."""
        return counter.move(
            request,
            idempotency_key,
            loan_id,
            lambda loan, now_ms: lifecycle.settle_dispute(
                loan, upheld=asked.decision == "UPHOLD", reasons=asked.reasons, now_ms=now_ms
            ),
            asked,
        )
