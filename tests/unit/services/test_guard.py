"""What stands before every request, at the ASGI level: what a client library cannot send."""

import asyncio
from typing import Any

from starlette.types import Message, Scope

from tests.unit.services.local import Local


def sent_raw(rentals: Local, path: str, *messages: Message) -> list[Message]:
    """The answer to a request that arrives as these messages."""
    arriving, answer = iter(messages), []

    async def receive() -> Message:
        return next(arriving, {"type": "http.disconnect"})

    async def send(message: Message) -> None:
        answer.append(message)

    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"content-type", b"application/json"), (b"content-length", b"80")],
        "client": ("127.0.0.1", 50_000),
        "server": ("shop", 80),
    }
    asyncio.run(rentals.service.app(scope, receive, send))
    return answer


def part(body: bytes) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": True}


def test_a_request_that_is_cut_off_before_its_body_does_nothing(rentals: Local) -> None:
    rental_id = rentals.post("/rentals", {"subject": "good"}, 201)["id"]

    assert sent_raw(rentals, f"/rentals/{rental_id}/return") == []
    assert rentals.get(f"/rentals/{rental_id}")["status"] == "OPEN"


def test_a_request_that_is_cut_off_within_its_body_does_nothing(rentals: Local) -> None:
    # What came so far is a whole request by itself.
    assert sent_raw(rentals, "/rentals", part(b'{"subject": "good"}')) == []

    assert rentals.get("/rentals?subject=good")["rentals"] == []
