"""The web application around a service's routes: errors, guard, metrics, documents."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.partners.services import problems
from pipeline.partners.services.guard import Guard
from pipeline.partners.services.metrics import ServiceMetrics

API_VERSION = "1"


@dataclass(frozen=True, slots=True)
class About:
    """What a service says of itself, and the files of its page."""

    title: str
    description: str
    page: str = ""
    files: tuple[str, ...] = field(default_factory=tuple)


class ErrorBody(BaseModel):
    """One error: where it is in the body (RFC 6901), or the name of the parameter."""

    model_config = ConfigDict(extra="forbid")

    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None
    detail: str


class ProblemBody(BaseModel):
    """What went wrong (RFC 9457)."""

    model_config = ConfigDict(extra="forbid", title="Problem")

    type: str = Field(description="`about:blank`, or what kind of problem it is.")
    title: str
    status: int
    detail: str
    instance: str = Field(description="The path that was asked for.")
    errors: list[ErrorBody] = Field(default_factory=list)


class ServiceApp(FastAPI):
    """FastAPI with our problems in its OpenAPI document and no page of another's making."""

    def __init__(self, about: About, routers: Iterable[APIRouter], metrics: ServiceMetrics) -> None:
        super().__init__(
            title=about.title,
            description=about.description,
            version=API_VERSION,
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
        )
        problems.install(self)
        for router in routers:
            self.include_router(router)
        # The last one added stands outermost.
        self.add_middleware(Guard)
        self.add_middleware(Timing, metrics=metrics)

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        if self.openapi_schema is None:
            document = get_openapi(
                title=self.title,
                version=self.version,
                description=self.description,
                routes=self.routes,
            )
            problem = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            schemas |= problem.pop("$defs") | {"Problem": problem}
            _drop_framework_errors(document)
            self.openapi_schema = document
        return self.openapi_schema


def _drop_framework_errors(document: dict[str, Any]) -> None:
    """Take out the answers FastAPI documents of itself: ours are problems."""
    operations = (each for path in document["paths"].values() for each in path.values())
    for operation in operations:
        found = operation["responses"].get("422", {}).get("content", {})
        if "application/json" in found:
            del operation["responses"]["422"]
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)


class Timing:
    """ASGI middleware that counts requests by route; ids in paths make no labels."""

    def __init__(self, app: ASGIApp, metrics: ServiceMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Time a request until it is answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s, status = time.perf_counter(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            elapsed_s = time.perf_counter() - began_s
            self._metrics.count_request(scope["method"], route, status, elapsed_s)
