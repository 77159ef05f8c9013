"""A worker's web server: metrics and health."""

from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from pipeline.errors import SesameError
from pipeline.settings import Settings, variable


class WebServer:
    """Serves ``/metrics``, ``/health/live`` and ``/health/ready``."""

    def __init__(
        self,
        settings: Settings,
        is_ready: Callable[[], bool],
        port: str = "web_port",
    ) -> None:
        """Set up; ``start`` listens at the port of the setting that ``port`` names."""
        self._settings = settings
        self._port = port
        self._is_ready = is_ready
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen.

        Raises:
            SesameError: The port is in use or not allowed.
        """
        app = web.Application(middlewares=[_told_as_problems])
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/health/live", self._live)
        app.router.add_get("/health/ready", self._ready)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        address, port = self._settings.web_bind, getattr(self._settings, self._port)
        try:
            await web.TCPSite(self._runner, address, port).start()
        except OSError as error:
            await self._runner.cleanup()
            reason = error.strerror or error
            chooses = f"{variable(self._port)} chooses the port"
            raise SesameError(f"cannot listen on {address}:{port} ({reason}); {chooses}") from error

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _live(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "live"})

    async def _ready(self, _request: web.Request) -> web.Response:
        if self._is_ready():
            return web.json_response({"status": "ready"})
        return problem(503, "Not ready", "Partitions are not assigned yet or still recovering.")


def problem(status: int, title: str, detail: str) -> web.Response:
    """An error as RFC 9457 wants it."""
    return web.json_response(
        {"type": "about:blank", "title": title, "status": status, "detail": detail},
        status=status,
        content_type="application/problem+json",
    )


@web.middleware
async def _told_as_problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        answer = problem(error.status, error.reason, f"{request.method} {request.path} is not here")
        if "Allow" in error.headers:
            answer.headers["Allow"] = error.headers["Allow"]
        return answer
