"""The worker's web server: health, metrics, and problems for everything else."""

import asyncio
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import settings as bounds
from hypothesis import strategies as st

from pipeline import settings
from pipeline.streaming.web import WebServer
from tests.integration.support.worker import free_port

PROBLEM = "application/problem+json"


def asked(*requests: tuple[str, str], ready: bool = True) -> list[httpx.Response]:
    current = settings.load(web_port=free_port())

    async def ask() -> list[httpx.Response]:
        server = WebServer(current, lambda: ready, "web_port")
        await server.start()
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{current.web_port}") as client:
                return [await client.request(method, path) for method, path in requests]
        finally:
            await server.stop()

    return asyncio.run(ask())


def test_health_and_metrics_are_served() -> None:
    live, ready, metrics = asked(
        ("GET", "/health/live"), ("GET", "/health/ready"), ("GET", "/metrics")
    )
    assert (live.json(), ready.json()) == ({"status": "live"}, {"status": "ready"})
    assert b"process_max_fds" in metrics.content


def test_a_recovering_worker_is_not_ready() -> None:
    (answer,) = asked(("GET", "/health/ready"), ready=False)
    assert answer.status_code == 503
    assert answer.headers["content-type"].startswith(PROBLEM)


@pytest.mark.parametrize(
    ("request_line", "status", "allowed"),
    [(("GET", "/table"), 404, None), (("POST", "/metrics"), 405, "GET,HEAD")],
)
def test_what_is_not_there_is_told_as_a_problem(
    request_line: tuple[str, str], status: int, allowed: str | None
) -> None:
    (answer,) = asked(request_line)
    assert answer.status_code == answer.json()["status"] == status
    assert answer.headers["content-type"].startswith(PROBLEM)
    assert answer.headers.get("allow") == allowed


@bounds(max_examples=20, deadline=None)
@given(
    requests=st.lists(
        st.tuples(
            st.sampled_from(["GET", "POST", "DELETE", "OPTIONS"]),
            st.text("abc/.%0FE_-", max_size=30).map(lambda path: "/x" + path),
        ),
        max_size=5,
    )
)
def test_no_address_makes_it_fail(requests: list[Any]) -> None:
    for answer in asked(*requests):
        assert 400 <= answer.status_code < 500
        assert answer.headers["content-type"].startswith(PROBLEM)
