import json
from collections.abc import Iterator
from enum import IntEnum
from typing import Any

import pytest

from pipeline import resources
from pipeline.factors import vocabulary
from pipeline.factors.vocabulary import Factor

VOCABULARIES: dict[str, type[IntEnum]] = {
    "sesame.events.ConsentAction": vocabulary.ConsentAction,
    "sesame.events.ConsentScope": vocabulary.Scope,
    "sesame.events.PaymentKind": vocabulary.PaymentKind,
    "sesame.events.ConsumptionKind": vocabulary.ConsumptionKind,
    "sesame.events.Category": vocabulary.Category,
    "sesame.events.ObligationKind": vocabulary.ObligationKind,
    "sesame.events.ObligationStatus": vocabulary.ObligationStatus,
    "sesame.events.ProfileAttribute": vocabulary.Attribute,
    "sesame.events.ProfileStatus": vocabulary.AttributeStatus,
    "sesame.events.RelationshipKind": vocabulary.RelationshipKind,
    "sesame.events.RelationshipAction": vocabulary.RelationshipAction,
    "sesame.scores.Factor": vocabulary.Factor,
}


def enums(schema: Any, namespace: str) -> Iterator[tuple[str, list[str]]]:
    if isinstance(schema, list):
        for part in schema:
            yield from enums(part, namespace)
    elif isinstance(schema, dict):
        space = schema.get("namespace", namespace)
        if schema.get("type") == "enum":
            yield f"{space}.{schema['name']}", schema["symbols"]
        for part in schema.values():
            if isinstance(part, dict | list):
                yield from enums(part, space)


def declared() -> dict[str, list[list[str]]]:
    found: dict[str, list[list[str]]] = {}
    for path in resources.schemas_dir().glob("*.avsc"):
        for name, symbols in enums(json.loads(path.read_text()), ""):
            found.setdefault(name, []).append(symbols)
    return found


@pytest.mark.parametrize("name", VOCABULARIES)
def test_codes_are_the_positions_of_the_avro_symbols(name: str) -> None:
    symbols = declared()[name]
    words = [(word.name, word.value) for word in VOCABULARIES[name]]
    for listed in symbols:
        assert words == [(symbol, position) for position, symbol in enumerate(listed)]


def test_every_enum_of_the_input_records_has_a_vocabulary() -> None:
    # the channel is not scored; disclosures are the partners' business
    elsewhere = {"sesame.events.Channel", "sesame.events.Disclosure"}
    inputs = {name for name in declared() if name.startswith("sesame.events.")}
    assert inputs - elsewhere <= set(VOCABULARIES)


@pytest.mark.parametrize("factor", Factor)
def test_a_factor_is_covered_by_the_scope_of_its_name(factor: Factor) -> None:
    assert factor.scope.name == factor.name
