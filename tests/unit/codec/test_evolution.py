"""Values written with another version of the schema than the pipeline reads with."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pipeline import topics
from pipeline.codec import catalog
from pipeline.codec.catalog import CommittedSchema
from pipeline.codec.inputs import Decoded, decode_inputs
from pipeline.codec.reasons import Reason
from pipeline.codec.registry import FileRegistry
from pipeline.codec.translate import write_record
from pipeline.codec.wire import header
from pipeline.factors.columns import PaymentColumns
from pipeline.factors.layout import NO_AMOUNT
from pipeline.factors.vocabulary import PaymentKind
from tests.unit.codec.samples import PAYMENT, framed

OTHER_ID = 77
Edit = Callable[[list[dict[str, Any]]], object]


def decode(edit: Edit, *records: dict[str, Any]) -> Decoded:
    """Payments of an edited schema, a current one on either side."""
    avro = copy.deepcopy(catalog.versions_of("Payment")[0].avro)
    edit(avro["fields"])
    other = CommittedSchema(OTHER_ID, "Payment", 2, avro)
    registry = FileRegistry([*catalog.committed(), other])
    good = framed("payments", PAYMENT)
    written = [header(OTHER_ID) + write_record(record, other.text) for record in records]
    values = [good, *written, good]
    return decode_inputs(topics.PAYMENTS, [b"ann"] * len(values), values, registry)


def columns(decoded: Decoded) -> PaymentColumns:
    read = decoded.columns_for(np.zeros(len(decoded.kept), np.int32))
    assert isinstance(read, PaymentColumns)
    return read


def test_a_field_the_pipeline_does_not_know_is_passed_over() -> None:
    later = PAYMENT | {"shop": "bakery", "limit_minor": 7}
    decoded = decode(lambda fields: fields.insert(1, {"name": "shop", "type": "string"}), later)
    assert decoded.poison == []
    assert columns(decoded).limit_minor.tolist() == [100_000, 7, 100_000]


def test_fields_in_another_order_are_found_by_name() -> None:
    decoded = decode(lambda fields: fields.reverse(), PAYMENT | {"limit_minor": 7})
    assert decoded.users == ["ann"] * 3
    assert columns(decoded).limit_minor.tolist() == [100_000, 7, 100_000]


def test_a_field_that_is_not_written_takes_its_default() -> None:
    earlier = {k: v for k, v in PAYMENT.items() if k != "balance_minor"}
    decoded = decode(lambda fields: fields.pop(8), earlier)
    assert decoded.poison == []
    assert columns(decoded).balance_minor.tolist() == [-3, NO_AMOUNT, -3]


def test_symbols_are_matched_by_name_and_unknown_ones_refused() -> None:
    def reorder(fields: list[dict[str, Any]]) -> None:
        fields[3]["type"]["symbols"] = ["TIP", "REFUND", "BILL"]

    decoded = decode(reorder, PAYMENT | {"kind": "BILL"}, PAYMENT | {"kind": "TIP"})
    kinds = [PaymentKind.REPAYMENT, PaymentKind.BILL, PaymentKind.REPAYMENT]
    assert columns(decoded).kind.tolist() == kinds
    (poison,) = decoded.poison
    assert (poison.index, poison.reason) == (2, Reason.DECODE)
    assert poison.error == "kind is TIP, which the reader does not know"


def test_a_nullable_field_is_read_where_it_is_not_null() -> None:
    def nullable(fields: list[dict[str, Any]]) -> None:
        fields[5]["type"] = ["null", "string"]

    decoded = decode(nullable, PAYMENT, PAYMENT | {"currency": None})
    assert decoded.kept.tolist() == [0, 1, 3]
    assert [p.error for p in decoded.poison] == [
        "currency is null, which the reader does not allow"
    ]


def test_an_int_is_read_as_a_long() -> None:
    decoded = decode(lambda fields: fields[9].update(type=["int", "null"]), PAYMENT)
    assert columns(decoded).limit_minor.tolist() == [100_000] * 3


@pytest.mark.parametrize(
    ("edit", "error"),
    [
        (lambda fields: fields.pop(4), "schema 77 lacks amount_minor, which has no default"),
        (
            lambda fields: fields[4].update(type="string"),
            "schema 77 has amount_minor as string, which is read as long",
        ),
    ],
)
def test_a_schema_that_cannot_be_read_spoils_its_records_alone(edit: Edit, error: str) -> None:
    written = PAYMENT | {"amount_minor": "12"}
    try:
        decoded = decode(edit, written)
    except ValueError:
        decoded = decode(edit, PAYMENT)
    assert decoded.kept.tolist() == [0, 2]
    assert [(p.reason, p.error) for p in decoded.poison] == [(Reason.DECODE, error)]


def tags(fields: list[dict[str, Any]]) -> None:
    fields.append({"name": "tags", "type": {"type": "array", "items": "string"}})


def test_records_that_do_not_fit_columns_are_read_one_by_one() -> None:
    decoded = decode(tags, PAYMENT | {"tags": ["a", "b"], "limit_minor": 7})
    assert decoded.poison == []
    assert columns(decoded).limit_minor.tolist() == [100_000, 7, 100_000]


def test_bad_bytes_of_such_a_schema_are_named() -> None:
    avro = copy.deepcopy(catalog.versions_of("Payment")[0].avro)
    tags(avro["fields"])
    other = CommittedSchema(OTHER_ID, "Payment", 2, avro)
    registry = FileRegistry([*catalog.committed(), other])
    value = header(OTHER_ID) + write_record(PAYMENT | {"tags": ["a"]}, other.text)
    values = [value, value[:-1], value + b"\0", value]
    decoded = decode_inputs(topics.PAYMENTS, [b"ann"] * 4, values, registry)
    assert decoded.kept.tolist() == [0, 3]
    assert [(p.index, p.reason) for p in decoded.poison] == [(1, Reason.DECODE), (2, Reason.DECODE)]
