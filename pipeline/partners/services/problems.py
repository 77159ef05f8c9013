"""Errors as ``application/problem+json`` (RFC 9457), whatever went wrong."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from pipeline.partners.services.contracts import NotAllowedError
from pipeline.partners.services.desk import NotFoundError
from pipeline.partners.services.idempotency import KeyReusedError, UnderWayError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1
_TYPES = "urn:sesame:problem:"

log = structlog.get_logger()


class Problem(Exception):  # noqa: N818 - the standard's name for it
    """Something to be answered with; ``kind`` makes its type, ``errors`` points into the body."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        kind: str | None = None,
        errors: Sequence[Mapping[str, str]] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.kind = kind
        self.errors = errors


def invalid(errors: Sequence[Mapping[str, str]]) -> Problem:
    """A request that is not as it should be: each error's ``pointer`` or ``parameter``."""
    detail = "the request is not as it should be; `errors` says what is wrong"
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, "validation", errors)


def problem_body(problem: Problem, instance: str) -> dict[str, Any]:
    """The members of the answer."""
    body: dict[str, Any] = {
        "type": f"{_TYPES}{problem.kind}" if problem.kind else "about:blank",
        "title": problem.status.phrase,
        "status": int(problem.status),
        "detail": problem.detail,
        "instance": instance,
    }
    if problem.errors:
        body["errors"] = [dict(error) for error in problem.errors]
    return body


def respond(
    problem: Problem, instance: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """The answer; one that may be tried again says when."""
    told = dict(headers or {})
    if problem.status is HTTPStatus.SERVICE_UNAVAILABLE:
        told["Retry-After"] = str(RETRY_AFTER_S)
    return JSONResponse(problem_body(problem, instance), problem.status, told, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every error of an app with a problem."""
    for kind, handler in {
        Problem: _as_it_is,
        NotFoundError: _not_found,
        NotAllowedError: _not_allowed,
        KeyReusedError: _key_reused,
        UnderWayError: _under_way,
        RequestValidationError: _invalid,
        HTTPException: _http,
        OperationalError: _database_away,
        InterfaceError: _database_away,
        PoolTimeoutError: _database_away,
        Exception: _broken,
    }.items():
        app.add_exception_handler(kind, handler)


def _as_it_is(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, Problem):
        raise TypeError(type(error))
    return respond(error, request.url.path)


def _not_found(request: Request, _error: Exception) -> JSONResponse:
    return respond(Problem(HTTPStatus.NOT_FOUND, "there is no such contract"), request.url.path)


def _not_allowed(request: Request, error: Exception) -> JSONResponse:
    return respond(Problem(HTTPStatus.CONFLICT, str(error), "state"), request.url.path)


def _key_reused(request: Request, _error: Exception) -> JSONResponse:
    detail = "the Idempotency-Key was used for another request"
    problem = Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, "idempotency-key-reused")
    return respond(problem, request.url.path)


def _under_way(request: Request, _error: Exception) -> JSONResponse:
    detail = "a request with this Idempotency-Key is under way"
    return respond(
        Problem(HTTPStatus.CONFLICT, detail, "idempotency-key-under-way"),
        request.url.path,
        {"Retry-After": str(RETRY_AFTER_S)},
    )


def _invalid(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise TypeError(type(error))
    found = error.errors()
    if any(each["type"] == "json_invalid" for each in found):
        return respond(Problem(HTTPStatus.BAD_REQUEST, "the body is not JSON"), request.url.path)
    errors = [_pointed(each) for each in found]
    if any(each.get("header") == "Idempotency-Key" for each in errors):
        detail = "the Idempotency-Key must be 1 to 255 visible ASCII characters"
        return respond(Problem(HTTPStatus.BAD_REQUEST, detail), request.url.path)
    return respond(invalid(errors), request.url.path)


def _http(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise TypeError(type(error))
    status = HTTPStatus(error.status_code)
    detail = {
        HTTPStatus.NOT_FOUND: "there is nothing here",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not possible here",
    }.get(status, str(error.detail))
    return respond(Problem(status, detail), request.url.path, error.headers)


def _database_away(request: Request, error: Exception) -> JSONResponse:
    log.error("database away", error=str(getattr(error, "orig", error)).strip())
    problem = Problem(HTTPStatus.SERVICE_UNAVAILABLE, "the database does not answer", "database")
    return respond(problem, request.url.path)


def _broken(request: Request, _error: Exception) -> JSONResponse:
    # The server logs it with its traceback; the caller learns no insides.
    problem = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "the request failed; nothing was done")
    return respond(problem, request.url.path)


_DETAILS = {
    "missing": "is missing",
    "model_attributes_type": "must be an object",
    "model_type": "must be an object",
    "extra_forbidden": "is not known here",
}
"""In words of JSON rather than of the program's."""


def _pointed(error: Mapping[str, Any]) -> dict[str, str]:
    """One error: a JSON pointer into the body (RFC 6901), or the parameter's name."""
    place, *path = error["loc"] or ("body",)
    detail = _DETAILS.get(error["type"]) or str(error["msg"]).removeprefix("Value error, ")
    if place == "body":
        escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in path)
        return {"pointer": "".join(f"/{part}" for part in escaped), "detail": detail}
    name = str(path[0]) if path else ""
    return {"header" if place == "header" else "parameter": name, "detail": detail}
