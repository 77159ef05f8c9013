"""What is answered is what the OpenAPI document says: statuses, media types, fields."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.unit.services.local import Local

DAMAGE = {"damage": {"description": "scratch", "amount_minor": 1, "evidence": "photo"}}
TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
    "array": list,
    "object": dict,
}


def faults(document: Any, schema: Mapping[str, Any], value: Any, place: str) -> Iterator[str]:
    """What of a value is not as its JSON schema says; knows the words our document uses."""
    known = {"type", "$ref", "anyOf", "enum", "const", "properties", "required", "items", "format"}
    known |= {"title", "description", "additionalProperties", "default"}
    yield from (f"{place}: schema has {word}" for word in schema.keys() - known)
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/components/schemas/")
        yield from faults(document, document["components"]["schemas"][name], value, place)
        return
    if "anyOf" in schema:
        found = [list(faults(document, each, value, place)) for each in schema["anyOf"]]
        if all(found):
            yield from found[0]
        return
    if "type" in schema and not isinstance(value, TYPES[schema["type"]]):
        yield f"{place}: {value!r} is no {schema['type']}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{place}: {value!r} is none of {schema['enum']}"
    if "const" in schema and value != schema["const"]:
        yield f"{place}: {value!r} is not {schema['const']}"
    if isinstance(value, list):
        for at, item in enumerate(value):
            yield from faults(document, schema["items"], item, f"{place}/{at}")
    if isinstance(value, dict):
        yield from object_faults(document, schema, value, place)


def object_faults(
    document: Any, schema: Mapping[str, Any], value: dict[str, Any], place: str
) -> Iterator[str]:
    properties, rest = schema.get("properties", {}), schema.get("additionalProperties", True)
    yield from (
        f"{place}: {name} is missing" for name in set(schema.get("required", ())) - {*value}
    )
    for name, item in value.items():
        if name in properties:
            yield from faults(document, properties[name], item, f"{place}/{name}")
        elif isinstance(rest, dict):
            yield from faults(document, rest, item, f"{place}/{name}")
        elif not rest:
            yield f"{place}: {name} is not documented"


class Documented:
    """Sends requests and holds each answer to the document."""

    def __init__(self, local: Local) -> None:
        self.local = local
        self.document = local.get("/openapi.json")
        self.seen: set[tuple[str, str, int]] = set()

    def send(self, method: str, route: str, path: str, status: int, **options: Any) -> Any:
        answer = self.local.send(method, path, **options)
        assert answer.status_code == status, answer.text
        documented = self.document["paths"][route][method.lower()]["responses"][str(status)]
        [(kind, media)] = documented["content"].items()
        assert answer.headers["content-type"] == kind
        assert list(faults(self.document, media["schema"], answer.json(), "")) == []
        assert set(documented.get("headers", ())) <= {name.title() for name in answer.headers}
        self.seen.add((method, route, status))
        return answer.json()

    def never_seen(self) -> set[tuple[str, str, int]]:
        """Documented answers other than those any request may get."""
        anywhere = {400, 403, 413, 415, 500, 503}
        all_of_them = {
            (method.upper(), route, int(status))
            for route, methods in self.document["paths"].items()
            for method, operation in methods.items()
            for status in operation["responses"]
        }
        return {each for each in all_of_them - self.seen if each[2] not in anywhere}


def test_the_car_rental_answers_as_documented(rentals: Local) -> None:
    api = Documented(rentals)
    item = "/rentals/{rental_id}"

    def post(route: str, rental_id: str, body: Any = None, status: int = 200) -> Any:
        path = route.replace("{rental_id}", rental_id)
        return api.send("POST", route, path, status, json=body)

    def opened(subject: str) -> str:
        return str(post("/rentals", "", {"subject": subject}, 201)["id"])

    first, second, third, waiting, gone = map(opened, ("good", "good", "good", "poor", "poor"))
    post(f"{item}/deposit", waiting)
    post(f"{item}/cancel", gone)
    post(f"{item}/return", waiting, {})
    post(f"{item}/return", first, DAMAGE)
    post(f"{item}/contest", first, {"statement": "No."})
    post(f"{item}/review", first, {"decision": "FOR_CUSTOMER"})
    post(f"{item}/return", second, DAMAGE)
    rentals.time_passes(15)
    post(f"{item}/dispute", second)
    post(f"{item}/dispute/review", second, {"decision": "UPHOLD", "reasons": ["Yes."]})
    api.send("GET", item, f"/rentals/{third}", 200)
    api.send("GET", "/rentals", "/rentals?subject=good", 200)
    for name, body in MOVES.items():
        post(f"{item}/{name}", gone, body, 409)
        post(f"{item}/{name}", "none", body, 404)
        post(f"{item}/{name}", gone, {"no": 1}, 422) if body else None
    reuse(api, item, MOVES)
    common(api, "/rentals", item)

    assert api.never_seen() == {("POST", "/rentals", 409)}


MOVES: dict[str, Any] = {
    "deposit": None,
    "cancel": None,
    "return": {},
    "contest": {"statement": ""},
    "review": {"decision": "FOR_CUSTOMER", "reasons": []},
    "dispute": {"statement": ""},
    "dispute/review": {"decision": "REJECT", "reasons": ["No."]},
}
LOAN_MOVES: dict[str, Any] = {
    "repayments": {"amount_minor": 1},
    "review": {"decision": "APPROVE"},
    "contest": {},
    "dispute": {},
    "dispute/review": {"decision": "REJECT", "reasons": ["No."]},
}


def reuse(api: Documented, item: str, moves: dict[str, Any]) -> None:
    """A key that stands for another request, at each endpoint."""
    key = {"Idempotency-Key": "used"}
    collection = item.split("/")[1]
    body = {"subject": "good"} | ({"amount_minor": 1} if collection == "loans" else {})
    api.send("POST", f"/{collection}", f"/{collection}", 201, json=body, headers=key)
    for name, move in moves.items():
        api.send("POST", f"{item}/{name}", f"/{collection}/x/{name}", 422, json=move, headers=key)


def common(api: Documented, collection: str, item: str) -> None:
    api.send("POST", collection, collection, 422, json={})
    api.send("GET", collection, collection, 422)
    api.send("GET", item, f"{collection}/none", 404)
    for path in ("/health", "/health/live", "/health/ready"):
        api.send("GET", path, path, 200)
    api.local.partner.ready = False
    api.send("GET", "/health/ready", "/health/ready", 503)


def test_the_microloans_answer_as_documented(loans: Local) -> None:
    api = Documented(loans)
    item = "/loans/{loan_id}"

    def post(route: str, loan_id: str, body: Any = None, status: int = 200) -> Any:
        path = route.replace("{loan_id}", loan_id)
        return api.send("POST", route, path, status, json=body)

    def opened(subject: str) -> str:
        return str(post("/loans", "", {"subject": subject, "amount_minor": 900}, 201)["id"])

    first, waiting = map(opened, ("good", "poor"))
    post(f"{item}/review", waiting, {"decision": "DECLINE", "reasons": ["No."]})
    post(f"{item}/contest", waiting)
    post(f"{item}/repayments", first, {"amount_minor": 1}, 201)
    loans.time_passes(31)
    loans.time_passes(90)
    post(f"{item}/dispute", first)
    post(f"{item}/dispute/review", first, {"decision": "REJECT", "reasons": ["No."]})
    post(f"{item}/review", waiting, {"decision": "DECLINE", "reasons": ["No."]})
    done = opened("good")
    post(f"{item}/repayments", done, {"amount_minor": 900}, 201)
    for name, body in LOAN_MOVES.items():
        post(f"{item}/{name}", done, body, 409)
        post(f"{item}/{name}", "none", body, 404)
        post(f"{item}/{name}", done, {"no": 1}, 422)
    api.send("GET", item, f"/loans/{done}", 200)
    api.send("GET", "/loans", "/loans?status=OPEN", 200)
    reuse(api, item, LOAN_MOVES)
    common(api, "/loans", item)

    assert api.never_seen() == {("POST", "/loans", 409)}


@pytest.mark.parametrize(
    "path", ["/rentals/{rental_id}", "/rentals", "/rentals/{rental_id}/dispute/review"]
)
def test_the_documentation_page_names_every_endpoint(rentals: Local, path: str) -> None:
    page = rentals.send("GET", "/docs")

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert path in page.text
