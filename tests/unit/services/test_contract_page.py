"""The contract names every endpoint of the services, with its method and the fields it takes."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.services.local import Local

PAGE = (Path(__file__).parents[3] / "docs" / "contract.md").read_text()
METHODS = ("get", "post", "put", "patch", "delete")


def taken(document: Any, operation: Any) -> set[str]:
    """The fields of an operation's body and its query parameters."""
    names = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"}
    if "requestBody" not in operation:
        return names
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    (name,) = [
        each["$ref"].rpartition("/")[2] for each in schema.get("anyOf", [schema]) if "$ref" in each
    ]
    return names | set(document["components"]["schemas"][name]["properties"])


@pytest.mark.parametrize("service", ["rentals", "loans"])
def test_every_endpoint_and_field_is_named(service: str, request: pytest.FixtureRequest) -> None:
    local: Local = request.getfixturevalue(service)
    document = local.get("/openapi.json")
    for path, operations in document["paths"].items():
        for method in operations.keys() & METHODS:
            start = f"| `{method.upper()} {path}` |"
            (row,) = [line for line in PAGE.splitlines() if line.startswith(start)]
            missing = {
                name for name in taken(document, operations[method]) if f"`{name}`" not in row
            }
            assert not missing, row


@pytest.mark.parametrize("service", ["rentals", "loans"])
def test_every_status_of_an_answer_is_named(service: str, request: pytest.FixtureRequest) -> None:
    local: Local = request.getfixturevalue(service)
    statuses = {
        status
        for operations in local.get("/openapi.json")["paths"].values()
        for operation in operations.values()
        for status in operation["responses"]
    }
    assert {s for s in statuses if f"| {s} |" not in PAGE} == set()
