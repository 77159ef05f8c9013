"""What stands before every request: bounds on bodies, other sites' pages, response headers.

Plain ASGI: it has to see a body before anything parses it.
"""

from collections.abc import MutableMapping
from http import HTTPStatus
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.partners.services.problems import Problem, respond

BODY_BYTES_MAX = 64 * 1024
_HEADERS = {
    # Nothing of a page may come from, or go to, anywhere else.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self' data:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class _CutOffError(Exception):
    """Whoever asked went away before all of the request was here."""


class Guard:
    """ASGI middleware; see the module."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse what must not pass, and pass on the rest."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            problem, body = await self._examine(Headers(scope=scope), scope["method"], receive)
        except _CutOffError:
            return  # nobody is there to be answered, and what was asked for is not known
        if problem is not None:
            response = respond(problem, scope["path"])
            await response(scope, receive, send_with_headers)
            return
        await self._app(scope, _once(body, receive), send_with_headers)

    async def _examine(
        self, headers: Headers, method: str, receive: Receive
    ) -> tuple[Problem | None, bytes]:
        # A page of another site, or port, may send forms to a local service, but not say it is
        # ours; who is no browser says nothing.
        site = headers.get("sec-fetch-site", "none")
        if method not in {"GET", "HEAD"} and site not in {"same-origin", "none"}:
            return Problem(HTTPStatus.FORBIDDEN, "pages of other sites may not do this"), b""
        if _declared_bytes(headers) > BODY_BYTES_MAX:
            return _too_large(), b""
        body = await _read(receive)
        if body is None:
            return _too_large(), b""
        if body and not _is_json(headers):
            detail = "a body must be application/json"
            return Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail), b""
        return None, body


def _declared_bytes(headers: Headers) -> int:
    declared = headers.get("content-length", "")
    return int(declared) if declared.isascii() and declared.isdigit() else 0


def _is_json(headers: Headers) -> bool:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json"


def _too_large() -> Problem:
    detail = f"the body has more than {BODY_BYTES_MAX:,} bytes"
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)


async def _read(receive: Receive) -> bytes | None:
    """The whole body; None where it is too large.

    Raises:
        _CutOffError: It is not whole.
    """
    body = bytearray()
    while True:
        message: MutableMapping[str, Any] = await receive()
        if message["type"] != "http.request":
            raise _CutOffError
        body += message.get("body", b"")
        if len(body) > BODY_BYTES_MAX:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _once(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
