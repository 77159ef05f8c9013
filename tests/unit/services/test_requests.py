"""What every request goes through: keys, bounds, refusals."""

import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipeline.partners.services.contracts import DAY_MS
from pipeline.partners.services.idempotency import KEPT_MS
from pipeline.partners.vocabulary import Purpose
from tests.unit.services.local import Local

KEY = {"Idempotency-Key": "3f2c"}
PROBLEM = "application/problem+json"


def opened(rentals: Local, body: dict[str, Any] | None = None, key: str = "3f2c") -> httpx.Response:
    asked = {"subject": "good"} if body is None else body
    return rentals.send("POST", "/rentals", json=asked, headers={"Idempotency-Key": key})


def test_a_request_that_is_sent_twice_is_done_once_and_answered_the_same(rentals: Local) -> None:
    first = opened(rentals)
    rentals.clock.pass_days(0.5)
    second = opened(rentals, {"days": 3, "subject": "good"})

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.content == first.content
    assert second.headers["location"] == first.headers["location"]
    assert second.headers["idempotent-replayed"] == "true"
    assert rentals.partner.asked == ["good"]
    assert len(rentals.get("/rentals?subject=good")["rentals"]) == 1


def test_a_key_may_stand_in_quotes(rentals: Local) -> None:
    assert opened(rentals, key='"3f2c"').json() == opened(rentals).json()


def test_a_key_stands_for_one_request(rentals: Local) -> None:
    rental_id = opened(rentals).json()["id"]

    other_body = opened(rentals, {"subject": "good", "days": 4})
    other_path = rentals.send("POST", f"/rentals/{rental_id}/return", json={}, headers=KEY)

    for answer in (other_body, other_path):
        assert answer.status_code == 422
        assert answer.json()["type"] == "urn:sesame:problem:idempotency-key-reused"
    assert rentals.get(f"/rentals/{rental_id}")["status"] == "OPEN"


def test_a_key_is_free_again_after_a_day_and_forgotten(rentals: Local) -> None:
    first, other = opened(rentals), opened(rentals, key="other")
    rentals.clock.pass_days(KEPT_MS / DAY_MS)

    second = opened(rentals)

    assert second.json()["id"] not in {first.json()["id"], other.json()["id"]}
    with rentals.service.desk.database.read() as connection:
        kept = connection.exec_driver_sql("SELECT key FROM rental_idempotency_keys").all()
    assert [tuple(row) for row in kept] == [("3f2c",)]


def test_a_request_that_failed_keeps_no_key(rentals: Local) -> None:
    rentals.partner.ready = False
    assert opened(rentals).status_code == 503
    rentals.partner.ready = True

    assert opened(rentals).status_code == 201


def test_a_request_whose_twin_is_under_way_is_told_so(rentals: Local) -> None:
    inside, done = threading.Event(), threading.Event()
    decide = rentals.partner.decide

    def slowly(subject: str, purpose: Purpose) -> Any:
        inside.set()
        assert done.wait(60)
        return decide(subject, purpose)

    rentals.partner.decide = slowly  # type: ignore[method-assign]
    answers: list[httpx.Response] = []
    first = threading.Thread(target=lambda: answers.append(opened(rentals)))
    first.start()
    assert inside.wait(60)

    second = opened(rentals)
    done.set()
    first.join()

    assert (second.status_code, second.headers["retry-after"]) == (409, "1")
    assert second.json()["type"] == "urn:sesame:problem:idempotency-key-under-way"
    assert answers[0].status_code == 201
    assert opened(rentals).content == answers[0].content


@pytest.mark.parametrize("key", ["", " ", "ä", "a b", "x" * 256, '""'])
def test_a_malformed_key_is_refused(rentals: Local, key: str) -> None:
    headers = [(b"Idempotency-Key", key.encode("latin-1"))]
    answer = rentals.send("POST", "/rentals", json={"subject": "good"}, headers=headers)

    assert (answer.status_code, answer.headers["content-type"]) == (400, PROBLEM)
    assert rentals.partner.asked == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/subject"),
        ({"subject": ""}, "/subject"),
        ({"subject": "x" * 129}, "/subject"),
        ({"subject": 7}, "/subject"),
        ({"subject": "a\0b"}, "/subject"),
        ({"subject": "good", "days": 0}, "/days"),
        ({"subject": "good", "days": "3"}, "/days"),
        ({"subject": "good", "days": 3.0}, "/days"),
        ({"subject": "good", "days": True}, "/days"),
        ({"subject": "good", "days": 10**30}, "/days"),
        ({"subject": "good", "currency": "eur"}, "/currency"),
        ({"subject": "good", "currency": "EUR\n"}, "/currency"),
        ({"subject": "good", "vehicle": None}, "/vehicle"),
        ([], ""),
    ],
)
def test_a_wrong_body_is_refused_with_what_is_wrong(
    rentals: Local, body: Any, pointer: str
) -> None:
    answer = rentals.send("POST", "/rentals", json=body)

    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
    problem = answer.json()
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert (problem["status"], problem["instance"]) == (422, "/rentals")
    assert rentals.partner.asked == []


def test_what_a_shop_sends_beyond_what_is_used_is_left_out(rentals: Local) -> None:
    body = {"subject": "good", "purpose": "CAR_RENTAL_DEPOSIT", "days": 2}
    answer = rentals.send("POST", "/rentals", json=body)

    assert (answer.status_code, answer.json()["days"]) == (201, 2)
    assert "purpose" not in answer.json()


def test_a_misspelt_damage_is_no_return_in_order(rentals: Local) -> None:
    rental = rentals.send("POST", "/rentals", json={"subject": "good"}).json()
    path = f"/rentals/{rental['id']}/return"
    answer = rentals.send("POST", path, json={"damge/1": {}})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/damge~11")


@pytest.mark.parametrize(
    ("damage", "pointer", "detail"),
    [
        ("scratched", "/damage", "must be an object"),
        ({"description": "scratch", "amount_minor": 100}, "/damage/evidence", "is missing"),
        (
            {"description": "scratch", "amount_minor": 100, "evidence": ""},
            "/damage/evidence",
            "String should have at least 1 character",
        ),
    ],
)
def test_a_damage_that_says_too_little_is_refused_with_what_it_lacks(
    rentals: Local, damage: object, pointer: str, detail: str
) -> None:
    rental_id = opened(rentals).json()["id"]

    answer = rentals.send("POST", f"/rentals/{rental_id}/return", json={"damage": damage})

    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
    assert answer.json()["errors"] == [{"pointer": pointer, "detail": detail}]
    assert rentals.get(f"/rentals/{rental_id}")["status"] == "OPEN"


@pytest.mark.parametrize(
    "content",
    [b"{", b"\xff", b"[" * 50_000, b'{"subject": "good", "days": ' + b"9" * 5_000 + b"}"],
)
def test_what_is_no_json_is_refused(rentals: Local, content: bytes) -> None:
    headers = {"content-type": "application/json"}
    answer = rentals.send("POST", "/rentals", content=content, headers=headers)

    assert (answer.status_code, answer.headers["content-type"]) == (400, PROBLEM)


def test_a_lone_surrogate_is_no_text(rentals: Local) -> None:
    headers = {"content-type": "application/json"}
    content = rb'{"subject": "\ud800"}'
    assert rentals.send("POST", "/rentals", content=content, headers=headers).status_code == 422


@pytest.mark.parametrize("chunked", [True, False])
def test_a_large_body_is_refused(rentals: Local, chunked: bool) -> None:
    async def stream() -> Any:
        for _ in range(70):
            yield b" " * 1024

    content: Any = stream() if chunked else b" " * 70 * 1024
    headers = {"content-type": "application/json"}
    answer = rentals.send("POST", "/rentals", content=content, headers=headers)

    assert (answer.status_code, answer.headers["content-type"]) == (413, PROBLEM)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
def test_a_body_of_another_kind_is_refused(rentals: Local, kind: str | None) -> None:
    headers = {"content-type": kind} if kind else {}
    answer = rentals.send("POST", "/rentals", content=b'{"subject": "good"}', headers=headers)

    assert (answer.status_code, answer.headers["content-type"]) == (415, PROBLEM)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "nonsense"])
def test_pages_of_other_sites_can_change_nothing(rentals: Local, site: str) -> None:
    rental_id = opened(rentals).json()["id"]
    headers = {"Sec-Fetch-Site": site}

    answer = rentals.send("POST", f"/rentals/{rental_id}/return", headers=headers)

    assert (answer.status_code, answer.headers["content-type"]) == (403, PROBLEM)
    assert rentals.get(f"/rentals/{rental_id}")["status"] == "OPEN"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/rentals/none", 404),
        ("GET", f"/rentals/{'x' * 300}", 404),
        ("GET", "/rentals/a%00b", 404),
        ("GET", "/rentals/%C3%A4", 404),
        ("POST", "/rentals/none/return", 404),
        ("GET", "/nothing", 404),
        ("DELETE", "/rentals", 405),
        ("GET", "/rentals", 422),
        ("GET", "/rentals?subject=", 422),
        ("GET", "/rentals?subject=a&limit=0", 422),
        ("GET", "/rentals?status=NO", 422),
        ("GET", "/rentals?subject=a%00b", 422),
    ],
)
def test_every_refusal_is_a_problem(rentals: Local, method: str, path: str, status: int) -> None:
    answer = rentals.send(method, path)

    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    assert answer.json()["status"] == status
    if status == 405:
        assert set(answer.headers["allow"].split(", ")) <= {"GET", "POST"}


def test_an_error_of_ours_tells_nothing_of_our_insides(rentals: Local) -> None:
    def broken(subject: str, purpose: Purpose) -> Any:
        raise KeyError(subject)

    rentals.partner.decide = broken  # type: ignore[method-assign]

    answer = opened(rentals)

    assert (answer.status_code, answer.headers["content-type"]) == (500, PROBLEM)
    assert "good" not in answer.text
    assert rentals.get("/rentals?subject=good")["rentals"] == []


def test_a_database_that_is_away_is_told(rentals: Local, tmp_path: Path) -> None:
    database = rentals.service.desk.database
    with database.write() as connection:
        connection.exec_driver_sql("DROP TABLE rental_contracts")

    answer = rentals.send("GET", "/rentals?subject=good")

    assert (answer.status_code, answer.headers["content-type"]) == (503, PROBLEM)
    assert answer.headers["retry-after"] == "1"


def test_pages_may_load_nothing_from_elsewhere(rentals: Local) -> None:
    page = rentals.send("GET", "/")

    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for path in ("/", "/clerk.css", "/clerk.js", "/rental.js", "/docs"):
        text = rentals.send("GET", path).text
        assert "http://" not in text
        assert "https://" not in text


def test_requests_are_counted_by_route_and_nobody_is_named(rentals: Local) -> None:
    rental_id = opened(rentals).json()["id"]
    rentals.get(f"/rentals/{rental_id}")

    metrics = rentals.send("GET", "/metrics").text

    labels = 'partner="car-rental"'
    assert f'sesame_partner_contracts{{{labels},status="OPEN"}} 1.0' in metrics
    assert f"sesame_partner_reports_waiting{{{labels}}} 1.0" in metrics
    assert 'route="/rentals/{rental_id}"' in metrics
    assert rental_id not in metrics
    assert "good" not in metrics


def test_on_a_stale_view_everyone_is_offered_the_way_on_and_health_tells(rentals: Local) -> None:
    rentals.partner.ready, rentals.partner.stale = False, True
    rentals.partner.seen.clear()

    answer = rentals.post("/rentals", {"subject": "good"}, 201)

    assert answer["decision"]["admitted"] == "NOT_AVAILABLE"
    assert answer["status"] == "AWAITING_DEPOSIT"
    ready = rentals.send("GET", "/health/ready")
    assert (ready.status_code, ready.json()["type"]) == (503, "urn:sesame:problem:stale")
    with rentals.service:
        assert rentals.get("/health")["status"] == "stale"


def test_methods_nobody_knows_make_no_labels_of_their_own(rentals: Local) -> None:
    for method in ("BREW", "WHEN", "DELETE"):
        rentals.send(method, "/rentals")

    metrics = rentals.send("GET", "/metrics").text

    assert 'method="OTHER"' in metrics
    assert 'method="DELETE"' in metrics
    assert "BREW" not in metrics
    assert "WHEN" not in metrics


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_our_own_pages_may_post(rentals: Local, site: str) -> None:
    headers = {"Sec-Fetch-Site": site}

    answer = rentals.send("POST", "/rentals", json={"subject": "good"}, headers=headers)

    assert answer.status_code == 201


@pytest.mark.parametrize("path", ["/", "/health", "/health/live", "/health/ready"])
def test_whether_it_is_there_can_be_asked_without_a_body(rentals: Local, path: str) -> None:
    answer = rentals.send("HEAD", path)

    assert (answer.status_code, answer.content) == (200, b"")


def test_no_path_leads_to_another(rentals: Local) -> None:
    # A redirect names the host the sender named.
    assert rentals.send("GET", "/rentals/?subject=good").status_code == 404
    assert rentals.send("POST", "/rentals/", json={"subject": "good"}).status_code == 404
