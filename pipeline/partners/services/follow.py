"""The web application of a partner that only looks on: health and metrics."""

from http import HTTPStatus

from fastapi import APIRouter
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.types import ASGIApp

from pipeline.partners.services.app import About, ServiceApp
from pipeline.partners.services.deciding import check_ready
from pipeline.partners.services.health import LiveBody, ReadyBody
from pipeline.partners.services.metrics import ServiceMetrics
from pipeline.partners.services.partner import Partner
from pipeline.partners.services.web import problem_responses


def follower_app(partner: Partner, collectors: CollectorRegistry) -> ASGIApp:
    """``/health/live``, ``/health/ready`` and ``/metrics``."""
    router = APIRouter(tags=["operation"])

    @router.head("/health/live", include_in_schema=False)
    @router.get("/health/live")
    async def live() -> LiveBody:
        """Whether the process runs."""
        return LiveBody()

    @router.head("/health/ready", include_in_schema=False)
    @router.get("/health/ready", responses=problem_responses(HTTPStatus.SERVICE_UNAVAILABLE))
    def ready() -> ReadyBody:
        """Whether the view has caught up."""
        check_ready(partner)
        return ReadyBody()

    @router.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        return Response(generate_latest(collectors), media_type=CONTENT_TYPE_LATEST)

    about = About("Partner", "Looks on: decides on everyone in view, keeps no contracts.")
    return ServiceApp(about, [router], ServiceMetrics("", CollectorRegistry(), ()))
