"""What the routes of both services share: how a request becomes a transaction and an answer."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Header, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel
from sqlalchemy.engine import Connection

from pipeline.partners.services.bodies import Subject
from pipeline.partners.services.contracts import Contract, Move, Moved
from pipeline.partners.services.desk import Desk, Filed, NotFoundError
from pipeline.partners.services.idempotency import Answer, Idempotency, Work, fingerprint
from pipeline.partners.services.problems import MEDIA_TYPE, invalid
from pipeline.partners.services.tables import ID_CHARS_MAX, KEY_CHARS_MAX

LIST_MAX = 200

C = TypeVar("C", bound=Contract)

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=KEY_CHARS_MAX,
        # The draft's header is a quoted string; most senders leave the quotes out.
        pattern=r'^([\x21\x23-\x7e]+|"[\x21\x23-\x7e]+")$',
        description="Chosen by the sender for each thing to be done: repeats of a request with "
        "its key are answered again and done once. Kept for 24 hours.",
    ),
]
SubjectQuery = Annotated[Subject | None, Query(description="Only those of this person.")]
Limit = Annotated[int, Query(ge=1, le=LIST_MAX, description="At most so many.")]

_PROBLEMS = {
    HTTPStatus.BAD_REQUEST: "The body is not JSON, or the Idempotency-Key is malformed.",
    HTTPStatus.FORBIDDEN: "Sent by a page of another site.",
    HTTPStatus.NOT_FOUND: "There is no such contract.",
    HTTPStatus.CONFLICT: "Not possible in this state, or the same request is under way.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is not application/json.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "`errors` says what is wrong; or the Idempotency-Key was "
    "used for another request.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "The request failed; nothing was done.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Not ready yet, or the database does not answer.",
}
Responses = dict[int | str, dict[str, Any]]


def problem_responses(*statuses: HTTPStatus) -> Responses:
    """The documentation of those problems as answers."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        int(status): {"description": _PROBLEMS[status], "content": {MEDIA_TYPE: schema}}
        for status in statuses
    }


_ALWAYS = (HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE)
_WITH_BODY = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.CONFLICT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)
READS = problem_responses(*_ALWAYS, HTTPStatus.NOT_FOUND)
LISTS = problem_responses(*_ALWAYS, HTTPStatus.UNPROCESSABLE_ENTITY)
OPENS = problem_responses(*_ALWAYS, *_WITH_BODY)
MOVES = problem_responses(*_ALWAYS, *_WITH_BODY, HTTPStatus.NOT_FOUND)
CREATED: Responses = {
    int(HTTPStatus.CREATED): {
        "headers": {"Location": {"description": "Where it is.", "schema": {"type": "string"}}}
    }
}


class Counter(Generic[C]):
    """Where requests about contracts of one kind are answered, each once a key.

    Args:
        desk: Keeps the contracts.
        idempotency: Remembers keys.
        render: A contract as it is told.
    """

    def __init__(
        self, desk: Desk[C], idempotency: Idempotency, render: Callable[[Filed[C]], BaseModel]
    ) -> None:
        self._desk = desk
        self._idempotency = idempotency
        self._render = render

    def open(
        self,
        request: Request,
        key: str | None,
        asked: BaseModel,
        opening: Callable[[str, int], Moved[C]],
    ) -> Response:
        """Open a contract; its place is below the request's path."""

        def work(connection: Connection) -> Answer:
            filed = self._desk.open(connection, opening)
            location = f"{request.url.path}/{filed.contract.id}"
            return Answer(HTTPStatus.CREATED, self._json(filed), location)

        return self._answer(request, key, asked, work)

    def move(  # noqa: PLR0913 - the request, whom it is about, what is to be done
        self,
        request: Request,
        key: str | None,
        contract_id: str,
        move: Move[C],
        asked: BaseModel | None = None,
        status: HTTPStatus = HTTPStatus.OK,
    ) -> Response:
        """Move a contract on."""

        def work(connection: Connection) -> Answer:
            filed = self._desk.move(connection, _checked(contract_id), move)
            return Answer(status, self._json(filed))

        return self._answer(request, key, asked, work)

    def show(self, contract_id: str) -> Response:
        """A contract as it stands."""
        return _respond(Answer(HTTPStatus.OK, self._json(self._desk.get(_checked(contract_id)))))

    def find(self, subject: str | None, status: str | None, limit: int) -> tuple[list[C], bool]:
        """Contracts of a subject or with a status, newest first, and whether there are more.

        Raises:
            Problem: Neither was named.
        """
        if subject is None and status is None:
            error = {"parameter": "subject", "detail": "subject or status must be named"}
            raise invalid([error])
        found = self._desk.find(subject=subject, status=status, limit=limit + 1)
        return found[:limit], len(found) > limit

    def _json(self, filed: Filed[C]) -> str:
        return self._render(filed).model_dump_json()

    def _answer(
        self, request: Request, key: str | None, asked: BaseModel | None, work: Work
    ) -> Response:
        body = asked.model_dump_json() if asked is not None else ""
        print_of = fingerprint(request.method, request.url.path, body)
        unquoted = key.strip('"') if key else None
        return _respond(self._idempotency.perform(unquoted, print_of, work))


def _respond(answer: Answer) -> Response:
    headers = {"Location": answer.location} if answer.location else {}
    if answer.replayed:
        headers["Idempotent-Replayed"] = "true"
    return Response(answer.body, answer.status, headers, "application/json")


def _checked(contract_id: str) -> str:
    """An id as the database can look it up."""
    if len(contract_id) > ID_CHARS_MAX or not contract_id.isascii() or "\0" in contract_id:
        raise NotFoundError(contract_id)
    return contract_id
