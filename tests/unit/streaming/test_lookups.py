"""Schemas are asked for before a batch is decoded, without holding up the event loop."""

import asyncio
import json
import threading
from collections.abc import Callable

import httpx
import pytest

from pipeline.codec import catalog
from pipeline.codec.http_registry import HttpRegistry
from pipeline.codec.registry import RegistryError
from pipeline.codec.wire import header
from pipeline.streaming import lookups
from pipeline.streaming.lookups import look_up_schemas
from tests.unit.streaming.test_waiting import Fetched

KNOWN = 7
Answer = Callable[[httpx.Request], httpx.Response]


def answer(request: httpx.Request) -> httpx.Response:
    if request.url.path == f"/schemas/ids/{KNOWN}":
        return httpx.Response(200, json={"schema": catalog.current("Payment").text})
    return httpx.Response(404, json={"error_code": 40403, "message": "Schema not found"})


def registry(carry: Answer) -> HttpRegistry:
    return HttpRegistry("http://registry.test", transport=httpx.MockTransport(carry))


def named(*schema_ids: int) -> list[Fetched]:
    return [Fetched(at, value=header(one) + b"body") for at, one in enumerate(schema_ids)]


def test_the_loop_goes_on_while_the_registry_is_asked() -> None:
    asked, let = threading.Event(), threading.Event()

    def waiting(request: httpx.Request) -> httpx.Response:
        asked.set()
        assert let.wait(60)
        return answer(request)

    async def main() -> HttpRegistry:
        made = registry(waiting)
        looking = asyncio.create_task(look_up_schemas(made, {"payments": named(KNOWN)}))
        while not asked.is_set():  # noqa: ASYNC110 - only if the loop goes on
            await asyncio.sleep(0.001)
        let.set()
        await looking
        return made

    assert json.loads(asyncio.run(main()).schema(KNOWN)) == catalog.current("Payment").avro


def test_what_is_named_most_often_is_asked_for_first_and_what_is_known_not_again() -> None:
    paths: list[str] = []

    def noting(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.path)
        return answer(request)

    made = registry(noting)
    records = {
        "payments": [*named(1, 2, 2, KNOWN), Fetched(4, value=None), Fetched(5, value=b"\x01")],
        "profiles": named(KNOWN, KNOWN, 3),
    }

    asyncio.run(look_up_schemas(made, records))
    asyncio.run(look_up_schemas(made, records))

    assert paths == [f"/schemas/ids/{schema_id}" for schema_id in (KNOWN, 2, 1, 3)]


def test_a_registry_that_is_away_for_a_moment_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lookups, "_RETRY_S", 0.001)
    answers = [httpx.Response(503), httpx.Response(500)]
    made = registry(lambda request: answers.pop() if answers else answer(request))

    asyncio.run(look_up_schemas(made, {"payments": named(KNOWN)}))

    assert made.is_known(KNOWN)


def test_a_registry_that_stays_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "PATIENCE_S", 0.0)
    with pytest.raises(RegistryError, match="answers 503"):
        asyncio.run(
            look_up_schemas(registry(lambda _: httpx.Response(503)), {"payments": named(KNOWN)})
        )
