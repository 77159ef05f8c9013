"""Whatever is sent to a counter, it answers in the words of its contract."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.services.local import Local, local

PROBLEM = "application/problem+json"
FEW = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
METHODS = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)
SEGMENTS = st.sampled_from(["rentals", "loans", "return", "repayments", "..", "%00", "%FF"]) | (
    st.text("abcXYZ019-_.~%20", min_size=1, max_size=40)
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | TEXTS
    | st.sampled_from(["good", "poor", "\x00", "\ud800", "9" * 400]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
NAMES = ["subject", "days", "amount_minor", "contract_id", "event_id", "damage", "months", "note"]
BODIES = (
    st.dictionaries(st.sampled_from(NAMES), JSON, max_size=5).map(json.dumps).map(str.encode)
    | JSON.map(json.dumps).map(str.encode)
    | st.binary(max_size=60)
    | st.sampled_from(
        [
            b"[" * 20_000,
            b'{"a":' * 20_000,
            b'{"subject": "good"',
            b"\xff\xfe{}",
            b'{"subject": "\\ud800"}',
            b'{"subject": NaN}',
        ]
    )
)
HEADER_VALUES = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=300
).map(lambda text: text.encode("latin-1"))
HEADERS = st.dictionaries(
    st.sampled_from(["idempotency-key", "content-type", "accept", "origin", "if-match", "range"]),
    HEADER_VALUES | st.sampled_from([b"application/json", b'"key"', b"text/html"]),
    max_size=4,
)


@pytest.fixture(scope="module", params=["car-rental", "microloan"])
def counter(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Local]:
    folder: Path = tmp_path_factory.mktemp(request.param)
    with local(request.param, folder) as made:
        yield made


def answer(counter: Local, method: str, path: str, **options: Any) -> None:
    response = counter.send(method, path, **options)
    told = (method, path, options, response.status_code, response.content[:300])
    assert response.status_code < 500, told
    if response.status_code >= 400:
        assert response.headers["content-type"].partition(";")[0] == PROBLEM, told
        assert response.json()["status"] == response.status_code, told


@FEW
@given(method=METHODS, segments=st.lists(SEGMENTS, max_size=4), query=TEXTS)
def test_no_address_makes_it_fail(
    counter: Local, method: str, segments: list[str], query: str
) -> None:
    answer(counter, method, "/" + "/".join(segments), params={"subject": query, "limit": query})


@FEW
@given(
    place=st.sampled_from(["", "/none", "/none/return", "/none/repayments", "/none/damage"]),
    body=BODIES,
    headers=HEADERS,
)
def test_no_body_and_no_header_makes_it_fail(
    counter: Local, place: str, body: bytes, headers: dict[str, bytes]
) -> None:
    for root in ("/rentals", "/loans"):
        answer(counter, "POST", root + place, content=body, headers=headers)


@FEW
@given(
    fields=st.fixed_dictionaries(
        {"subject": st.sampled_from(["good", "poor"]) | TEXTS},
        optional={name: JSON for name in NAMES if name != "subject"},
    ),
    key=HEADER_VALUES,
)
def test_what_is_nearly_right_is_taken_or_refused(
    counter: Local, fields: dict[str, Any], key: bytes
) -> None:
    headers = {"idempotency-key": key, "content-type": b"application/json"}
    for root in ("/rentals", "/loans"):
        answer(counter, "POST", root, content=json.dumps(fields).encode(), headers=headers)
