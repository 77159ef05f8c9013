"""The registry over HTTP, against answers as Confluent's registry gives them."""

import base64
import json
import time
from pathlib import Path

import httpx
import pytest

from pipeline.codec import catalog
from pipeline.codec.http_registry import (
    LOOK_UP_S,
    TEXT_CHARACTERS_MAX,
    UNKNOWN_FOR_S,
    UNKNOWN_MAX,
    HttpRegistry,
)
from pipeline.codec.open import open_registry
from pipeline.codec.registry import FileRegistry, RegistryError, UnknownSchemaError
from pipeline.settings import Settings

URL = "http://registry.test:8081"


class FakeRegistry:
    """Keeps schemas in memory and answers like Confluent's registry."""

    def __init__(self) -> None:
        self.ids: dict[str, int] = {}
        self.subjects: dict[str, list[str]] = {}
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        body = json.loads(request.content or b"{}")
        match [request.method, *request.url.path.strip("/").split("/")]:
            case ["GET", "schemas", "ids", number]:
                texts = [text for text, known in self.ids.items() if known == int(number)]
                if texts:
                    return httpx.Response(200, json={"schema": texts[0]})
                return _refuse(404, 40403, "Schema not found")
            case ["POST", "subjects", subject]:
                if body["schema"] not in self.subjects.get(subject, []):
                    return _refuse(404, 40401, "Subject not found")
                return httpx.Response(200, json={"id": self.ids[body["schema"]], "version": 1})
            case ["POST", "subjects", subject, "versions"]:
                self.subjects.setdefault(subject, []).append(body["schema"])
                self.ids.setdefault(body["schema"], 41 + len(self.ids))
                return httpx.Response(200, json={"id": self.ids[body["schema"]]})
        return httpx.Response(404, text="nothing here")


def _refuse(status: int, code: int, message: str) -> httpx.Response:
    return httpx.Response(status, json={"error_code": code, "message": message})


@pytest.fixture
def fake() -> FakeRegistry:
    return FakeRegistry()


@pytest.fixture
def registry(fake: FakeRegistry) -> HttpRegistry:
    return HttpRegistry(URL, "sesame", "opensesame", transport=httpx.MockTransport(fake))


def test_a_registered_schema_is_found_by_subject_and_by_id(registry: HttpRegistry) -> None:
    payment = catalog.current("Payment")
    assert registry.register("payments-value", payment) == 41
    assert registry.id_of("payments-value") == 41
    assert json.loads(registry.schema(41)) == payment.avro


def test_each_answer_is_asked_for_once(registry: HttpRegistry, fake: FakeRegistry) -> None:
    registry.register("payments-value", catalog.current("Payment"))
    for _ in range(3):
        registry.schema(registry.id_of("payments-value"))
        with pytest.raises(UnknownSchemaError, match="no schema has id 5"):
            registry.schema(5)
    assert len(fake.asked) == 4


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(time, "monotonic", made)
    return made


def test_a_flood_of_unknown_ids_is_asked_for_within_bounds(
    registry: HttpRegistry, fake: FakeRegistry, clock: Clock
) -> None:
    for schema_id in range(10_000, 20_000):
        with pytest.raises(UnknownSchemaError):
            registry.schema(schema_id)
    assert len(fake.asked) == UNKNOWN_MAX
    with pytest.raises(UnknownSchemaError, match="20000 was not asked for: too many unknown"):
        registry.schema(20_000)


def test_what_is_known_is_answered_in_a_flood_and_new_ids_after_it(
    registry: HttpRegistry, clock: Clock
) -> None:
    known = registry.register("payments-value", catalog.current("Payment"))
    registry.schema(known)
    for schema_id in range(10_000, 10_000 + UNKNOWN_MAX):
        with pytest.raises(UnknownSchemaError):
            registry.schema(schema_id)
    late = registry.register("profiles-value", catalog.current("Profile"))

    assert registry.schema(known)
    with pytest.raises(UnknownSchemaError):
        registry.schema(late)
    clock.now += UNKNOWN_FOR_S + 1
    assert json.loads(registry.schema(late)) == catalog.current("Profile").avro


def test_current_schemas_are_known_from_the_start(
    registry: HttpRegistry, fake: FakeRegistry
) -> None:
    payment = registry.register("payments-value", catalog.current("Payment"))
    registry.warm_up(["consents-value", "payments-value"])
    asked = len(fake.asked)
    assert registry.is_known(payment)
    assert json.loads(registry.schema(payment)) == catalog.current("Payment").avro
    assert registry.id_of("payments-value") == payment
    assert len(fake.asked) == asked


def test_a_registry_that_is_away_at_the_start_is_waited_for_later() -> None:
    asked: list[str] = []

    def away(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(503)

    registry = HttpRegistry(URL, transport=httpx.MockTransport(away))
    registry.warm_up(["consents-value", "payments-value"])
    assert asked == ["/subjects/consents-value"]


def test_an_unknown_id_is_asked_for_again_after_a_while(
    registry: HttpRegistry, fake: FakeRegistry, clock: Clock
) -> None:
    for _ in range(2):
        with pytest.raises(UnknownSchemaError):
            registry.schema(41)
    registry.register("payments-value", catalog.current("Payment"))
    clock.now += UNKNOWN_FOR_S + 1
    assert registry.schema(41)
    assert [request.method for request in fake.asked] == ["GET", "POST", "GET"]


def test_a_slow_registry_is_asked_for_the_first_ids_only(fake: FakeRegistry, clock: Clock) -> None:
    def slow(request: httpx.Request) -> httpx.Response:
        clock.now += LOOK_UP_S * 0.4
        return fake(request)

    registry = HttpRegistry(URL, transport=httpx.MockTransport(slow))
    registry.look_up(range(100, 120))
    assert [request.url.path for request in fake.asked] == [
        f"/schemas/ids/{schema_id}" for schema_id in (100, 101, 102)
    ]
    assert all(registry.is_known(schema_id) for schema_id in range(100, 120))


def test_a_schema_of_any_length_is_not_kept(fake: FakeRegistry) -> None:
    text = json.dumps({"type": "record", "name": "Payment", "doc": "x" * TEXT_CHARACTERS_MAX})
    registry = HttpRegistry(
        URL, transport=httpx.MockTransport(lambda _: httpx.Response(200, json={"schema": text}))
    )
    assert len(registry.schema(1)) < 100


def test_user_and_password_go_with_every_request(
    registry: HttpRegistry, fake: FakeRegistry
) -> None:
    registry.register("payments-value", catalog.current("Payment"))
    expected = "Basic " + base64.b64encode(b"sesame:opensesame").decode()
    assert fake.asked[0].headers["Authorization"] == expected
    assert "opensesame" not in repr(registry)


def test_writing_with_an_unregistered_schema_says_how_to_register_it(
    registry: HttpRegistry,
) -> None:
    with pytest.raises(
        RegistryError, match="does not have Payment v1 under payments-value; `sesam"
    ):
        registry.id_of("payments-value")


def test_a_subject_of_others_is_refused(registry: HttpRegistry) -> None:
    with pytest.raises(RegistryError, match="orders-value is no subject of the pipeline"):
        registry.id_of("orders-value")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(404, text="nothing here"), "answers 404 to GET schemas/ids/1: Not Found"),
        (_refuse(401, 40101, "Wrong password"), "answers 401 to GET schemas/ids/1: Wrong password"),
        (httpx.Response(500), "answers 500 to GET schemas/ids/1: Internal Server Error"),
        (httpx.Response(200, text="<html>"), "answers no JSON: is it a schema registry's"),
        (httpx.Response(200, json={}), "answers without schema: is it a schema registry's"),
    ],
)
def test_a_registry_that_cannot_answer_is_not_the_records_fault(
    answer: httpx.Response, error: str
) -> None:
    registry = HttpRegistry(URL, transport=httpx.MockTransport(lambda _: answer))
    with pytest.raises(RegistryError, match=error):
        registry.schema(1)


def test_an_unreachable_registry_is_named() -> None:
    registry = HttpRegistry("http://127.0.0.1:1")
    with pytest.raises(RegistryError, match=r"schema registry at http://127\.0\.0\.1:1 fails"):
        registry.schema(1)


def test_the_settings_choose_the_registry(tmp_path: Path) -> None:
    assert isinstance(open_registry(Settings()), FileRegistry)
    settings = Settings.model_validate(
        {"registry_url": URL, "registry_username": "u", "registry_password": "p"}
    )
    opened = open_registry(settings)
    assert isinstance(opened, HttpRegistry)
    assert (opened.username, opened.password, opened.ca) == ("u", "p", None)
