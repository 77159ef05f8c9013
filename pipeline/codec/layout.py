"""How a record lies on the wire, for decoding whole batches by column.

Flat records have plain fields alone; a field may also be a list of plain values or of flat
records.

Two departures from the schema proper make a batch decode exact and cheap:

- Enums are read as the integers they are on the wire, and every integer as a long, so that
  codes need no look-up and nothing is cut to 32 bits without a word.
- The five header bytes are read as two columns: magic byte 0 is Avro's ``false`` and the
  schema id is four bytes as Avro's ``float`` has them. So no value is copied to strip it.
"""

import json
from dataclasses import dataclass
from enum import Enum
from typing import Any

MAGIC_COLUMN = "wire_magic"
ID_COLUMN = "wire_schema_id"
ITEM_COLUMN = "item"
"""What stands for the values of a list."""
_HEADER = [{"name": MAGIC_COLUMN, "type": "boolean"}, {"name": ID_COLUMN, "type": "float"}]


class Kind(Enum):
    """What a field's values are on the wire."""

    LONG = "long"
    INT = "int"
    ENUM = "enum"
    BOOLEAN = "boolean"
    DOUBLE = "double"
    STRING = "string"
    LIST = "array"


_WIRE_TYPE = {
    Kind.LONG: "long",
    Kind.INT: "long",
    Kind.ENUM: "long",
    Kind.BOOLEAN: "boolean",
    Kind.DOUBLE: "double",
    Kind.STRING: "string",
}


class NotFlatError(ValueError):
    """The record has a field that does not fit one column."""


@dataclass(frozen=True, slots=True)
class FieldLayout:
    """One field of a record; ``symbols`` only of an enum, in wire order.

    ``items`` only of a list: the fields of its records, or one that stands for its values.
    """

    name: str
    kind: Kind
    nullable: bool
    null_first: bool
    symbols: tuple[str, ...]
    avro: dict[str, Any]
    items: tuple["FieldLayout", ...] = ()

    @property
    def holds_records(self) -> bool:
        """Whether a list's items are records."""
        return (
            self.kind is Kind.LIST
            and isinstance(self.avro["type"]["items"], dict)
            and (self.avro["type"]["items"]["type"] == "record")
        )

    @property
    def wire_type(self) -> Any:
        """The field's type in the schema the batch decoder is given."""
        if self.kind is Kind.LIST:
            return {"type": "array", "items": self._wire_items()}
        wire = _WIRE_TYPE[self.kind]
        if not self.nullable:
            return wire
        return ["null", wire] if self.null_first else [wire, "null"]

    def _wire_items(self) -> Any:
        if not self.holds_records:
            return self.items[0].wire_type
        fields = [{"name": item.name, "type": item.wire_type} for item in self.items]
        return {"type": "record", "name": f"Item_{self.name}", "fields": fields}


@dataclass(frozen=True, slots=True)
class Layout:
    """A record; ``framed`` is the schema of its values with their header."""

    name: str
    fields: tuple[FieldLayout, ...]
    framed: str

    @property
    def flat(self) -> bool:
        """Whether no field is a list."""
        return all(field.kind is not Kind.LIST for field in self.fields)


def layout_of(avro: dict[str, Any]) -> Layout:
    """The layout of a record schema.

    Raises:
        NotFlatError: A field is a record, map, bytes, fixed, float, a wider union, or a list of
            such or of lists.
    """
    named: dict[str, dict[str, Any]] = {}
    fields = tuple(_field_or_list(field, named) for field in avro["fields"])
    columns = [{"name": f.name, "type": f.wire_type} for f in fields]
    return Layout(avro["name"].rpartition(".")[2], fields, json.dumps(with_header(columns)))


def with_header(fields: list[dict[str, Any]]) -> dict[str, Any]:
    """The schema of a framed value whose body has these fields."""
    return {"type": "record", "name": "Framed", "fields": [*_HEADER, *fields]}


def without_enums(node: Any) -> Any:
    """A schema or part of one with enums as the integers and times as the longs they are."""
    if isinstance(node, list):
        return [without_enums(item) for item in node]
    if not isinstance(node, dict):
        return node
    if node.get("type") == "enum":
        return "long"
    return {key: without_enums(item) for key, item in node.items() if key != "logicalType"}


def _field_or_list(field: dict[str, Any], named: dict[str, dict[str, Any]]) -> FieldLayout:
    declared = field["type"]
    if not isinstance(declared, dict) or declared["type"] != "array":
        return _field(field, named)
    items = declared["items"]
    if isinstance(items, dict) and items["type"] == "record":
        layouts = tuple(_field(one, named) for one in items["fields"])
    else:
        layouts = (_field({"name": ITEM_COLUMN, "type": items}, named),)
    return FieldLayout(
        name=field["name"],
        kind=Kind.LIST,
        nullable=False,
        null_first=False,
        symbols=(),
        avro=field,
        items=layouts,
    )


def _field(field: dict[str, Any], named: dict[str, dict[str, Any]]) -> FieldLayout:
    declared, nullable, null_first = field["type"], False, False
    if isinstance(declared, list):
        branches = [branch for branch in declared if branch != "null"]
        if len(declared) != 2 or len(branches) != 1:  # noqa: PLR2004 - null and one other
            raise NotFlatError(f"{field['name']} is a union of more than null and one type")
        nullable, null_first, declared = True, declared[0] == "null", branches[0]
    if isinstance(declared, str) and declared in named:
        declared = named[declared]
    kind, symbols = _kind(field["name"], declared)
    if kind is Kind.ENUM:
        named[declared["name"]] = declared
        named[f"{declared.get('namespace', '')}.{declared['name']}"] = declared
    return FieldLayout(field["name"], kind, nullable, null_first, symbols, field)


def _kind(name: str, declared: object) -> tuple[Kind, tuple[str, ...]]:
    if isinstance(declared, dict):
        if declared["type"] == "enum":
            return Kind.ENUM, tuple(declared["symbols"])
        return _kind(name, declared["type"])
    if isinstance(declared, str):
        for kind in (Kind.LONG, Kind.INT, Kind.BOOLEAN, Kind.DOUBLE, Kind.STRING):
            if declared == kind.value:
                return kind, ()
    raise NotFlatError(f"{name} is {declared}, which is no column of plain values")
