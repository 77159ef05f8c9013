"""The codes of the core are the symbols of the schemas, in order."""

from enum import IntEnum
from typing import Any

import pytest

from pipeline.codec import catalog
from pipeline.factors import vocabulary
from pipeline.scoring.bands import Band


def enums(node: Any) -> dict[str, list[str]]:
    """Every enum of a schema with its symbols."""
    if isinstance(node, list):
        return {name: symbols for item in node for name, symbols in enums(item).items()}
    if not isinstance(node, dict):
        return {}
    if node.get("type") == "enum":
        return {node["name"]: node["symbols"]}
    return {name: symbols for item in node.values() for name, symbols in enums(item).items()}


@pytest.mark.parametrize(
    ("record", "enum", "codes"),
    [
        ("Consent", "ConsentAction", vocabulary.ConsentAction),
        ("Consent", "ConsentScope", vocabulary.Scope),
        ("Payment", "PaymentKind", vocabulary.PaymentKind),
        ("Consumption", "ConsumptionKind", vocabulary.ConsumptionKind),
        ("Consumption", "Category", vocabulary.Category),
        ("Obligation", "ObligationKind", vocabulary.ObligationKind),
        ("Obligation", "ObligationStatus", vocabulary.ObligationStatus),
        ("Profile", "ProfileAttribute", vocabulary.Attribute),
        ("Profile", "ProfileStatus", vocabulary.AttributeStatus),
        ("Relationship", "RelationshipKind", vocabulary.RelationshipKind),
        ("Relationship", "RelationshipAction", vocabulary.RelationshipAction),
        ("Score", "Factor", vocabulary.Factor),
        ("Score", "Band", Band),
    ],
)
def test_codes_stand_in_the_order_of_the_symbols(
    record: str, enum: str, codes: type[IntEnum]
) -> None:
    symbols = enums(catalog.current(record).avro)[enum]
    assert symbols == [code.name for code in codes]
    assert [code.value for code in codes] == list(range(len(symbols)))
