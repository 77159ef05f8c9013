"""Health and metrics endpoints."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Literal, Protocol

from fastapi import APIRouter
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import Field

from pipeline.partners.services.bodies import Told
from pipeline.partners.services.deciding import check_ready
from pipeline.partners.services.metrics import ServiceMetrics
from pipeline.partners.services.outbox import Waiting
from pipeline.partners.services.partner import Partner
from pipeline.partners.services.web import problem_responses


class State(Protocol):
    """What is asked of a running service."""

    @property
    def partner(self) -> Partner:
        """Its client."""

    @property
    def working(self) -> bool:
        """Whether its background work runs and succeeds."""

    @property
    def refused(self) -> int:
        """Reports the client refused."""

    @property
    def stuck(self) -> int:
        """Contracts that time should have moved on and that could not be."""

    def waiting(self) -> Waiting:
        """Reports on their way."""

    def counts(self) -> dict[str, int]:
        """Contracts by status."""


class LiveBody(Told):
    """The process runs."""

    status: Literal["live"] = "live"


class ReadyBody(Told):
    """It decides."""

    status: Literal["ready"] = "ready"


class HealthBody(Told):
    """How it is in detail."""

    status: Literal["ready", "starting", "stale", "failing"]
    view_ready: bool
    view_problem: str | None = Field(description="What keeps the view from its topic.")
    subjects: int
    contracts: dict[str, int]
    reports_waiting: int = Field(
        description="Not handed over to the client yet, or by it not delivered yet."
    )
    oldest_report_s: float | None
    reports_refused: int


def health_routes(state: State, metrics: ServiceMetrics, clock_ms: Callable[[], int]) -> APIRouter:
    """``/health/live``, ``/health/ready``, ``/health`` and ``/metrics``."""
    router = APIRouter(tags=["operation"])
    away = problem_responses(HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.INTERNAL_SERVER_ERROR)

    @router.head("/health/live", include_in_schema=False)
    @router.get("/health/live")
    async def live() -> LiveBody:
        """Whether the process runs."""
        return LiveBody()

    @router.head("/health/ready", include_in_schema=False)
    @router.get("/health/ready", responses=away)
    def ready() -> ReadyBody:
        """Whether it decides: the view has caught up and the database answers."""
        check_ready(state.partner)
        state.waiting()
        return ReadyBody()

    @router.head("/health", include_in_schema=False)
    @router.get("/health", responses=away)
    def health() -> HealthBody:
        """How it is in detail."""
        waiting, view_ready = state.waiting(), state.partner.ready
        oldest_ms = waiting.oldest_ms
        working: Literal["ready", "starting", "stale"] = "ready" if view_ready else "starting"
        if state.partner.state.stale:
            working = "stale"
        return HealthBody(
            status=working if state.working else "failing",
            view_ready=view_ready,
            view_problem=state.partner.state.problem,
            subjects=state.partner.subjects,
            contracts=state.counts(),
            reports_waiting=waiting.reports + state.partner.outcomes_waiting,
            oldest_report_s=None if oldest_ms is None else (clock_ms() - oldest_ms) / 1000,
            reports_refused=state.refused,
        )

    @router.get("/metrics", include_in_schema=False)
    def show_metrics() -> Response:
        metrics.show_contracts(state.counts(), state.stuck)
        metrics.show_reports(waiting=state.waiting().reports, refused=state.refused)
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return router
