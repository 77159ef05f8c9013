"""The clerk's page and the documentation: files of the package, nothing from elsewhere."""

from collections.abc import Awaitable, Callable
from importlib.resources import files

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from pipeline.partners.services.app import About
from pipeline.partners.services.pages.documentation import render

_KINDS = {"css": "text/css", "html": "text/html", "js": "text/javascript"}


def page_routes(about: About) -> APIRouter:
    """``/``, the files it needs, and ``/docs``."""
    router = APIRouter(include_in_schema=False)
    router.add_api_route("/", _file(about.page), methods=["GET", "HEAD"])
    for name in about.files:
        router.add_api_route(f"/{name}", _file(name))

    @router.get("/docs")
    def docs(request: Request) -> HTMLResponse:
        return HTMLResponse(render(request.app.openapi()))

    return router


def _file(name: str) -> Callable[[], Awaitable[Response]]:
    content = files(__package__).joinpath(name).read_text(encoding="utf-8")
    kind = _KINDS[name.rpartition(".")[2]]

    async def serve() -> Response:
        return Response(content, media_type=kind)

    return serve
