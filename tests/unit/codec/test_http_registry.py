"""The registry over HTTP, against answers as Confluent's registry gives them."""

import base64
import json
from pathlib import Path

import httpx
import pytest

from pipeline.codec import catalog
from pipeline.codec.http_registry import HttpRegistry
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
