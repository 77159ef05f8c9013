"""All versions of a record read each other, both ways."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.codec import catalog
from pipeline.codec.catalog import CommittedSchema
from pipeline.codec.compatibility import find_breaks

Edit = Callable[[list[dict[str, Any]]], object]


def versions(*edits: Edit) -> list[CommittedSchema]:
    """Payment as committed, and a further version for each edit of the first."""
    first = catalog.versions_of("Payment")[0]
    schemas = [first]
    for number, edit in enumerate(edits, start=2):
        avro = copy.deepcopy(first.avro)
        edit(avro["fields"])
        schemas.append(CommittedSchema(100 + number, "Payment", number, avro))
    return schemas


def added(name: str, **more: Any) -> Edit:
    return lambda fields: fields.append({"name": name, "type": ["null", "string"], **more})


def test_the_committed_schemas_fit() -> None:
    assert list(find_breaks(catalog.committed())) == []


def test_a_new_field_with_a_default_fits() -> None:
    assert list(find_breaks(versions(added("shop", default=None)))) == []


def test_a_new_field_without_a_default_does_not_read_older_records() -> None:
    (found,) = find_breaks(versions(added("shop")))
    assert str(found) == (
        "Payment v2 cannot read what v1 writes: "
        "reader field missing default value; shop; /fields/10"
    )


def test_removing_a_field_without_a_default_breaks_older_readers() -> None:
    (found,) = find_breaks(versions(lambda fields: fields.pop(4)))
    assert (found.reader, found.writer) == (1, 2)
    assert "amount_minor" in str(found)


@pytest.mark.parametrize(
    ("edit", "reader", "writer"),
    [
        (lambda fields: fields[3]["type"]["symbols"].append("TIP"), 1, 2),
        (lambda fields: fields[3]["type"]["symbols"].remove("REFUND"), 2, 1),
        (lambda fields: fields[4].update(type="int"), 2, 1),
        (lambda fields: fields[5].update(type=["null", "string"]), 1, 2),
    ],
)
def test_what_one_side_cannot_read_breaks(edit: Edit, reader: int, writer: int) -> None:
    (found,) = find_breaks(versions(edit))
    assert (found.reader, found.writer) == (reader, writer)


def test_versions_are_compared_with_all_before_and_not_only_the_last() -> None:
    as_text: Edit = lambda fields: fields.append({"name": "shop", "type": "string", "default": ""})  # noqa: E731
    as_number: Edit = lambda fields: fields.append({"name": "shop", "type": "int", "default": 0})  # noqa: E731
    nothing: Edit = lambda _: None  # noqa: E731
    found = [(b.reader, b.writer) for b in find_breaks(versions(as_text, nothing, as_number))]
    assert found == [(4, 2), (2, 4)]
