"""Lists in a schema that the reader has and the writer has not."""

import copy
from typing import Any

import pyarrow as pa
import pytest

from pipeline.codec import catalog
from pipeline.codec.layout import NotFlatError, layout_of
from pipeline.codec.resolve import project


def reader_with(field: dict[str, Any]) -> Any:
    avro = copy.deepcopy(catalog.current("PartnerEnquiry").avro)
    avro["fields"].append(field)
    return layout_of(avro)


WRITER = layout_of(catalog.current("PartnerEnquiry").avro)
BATCH = pa.RecordBatch.from_pydict(
    {"event_id": ["e", "f"], "subject": ["s", "s"], "occurred_at": [1, 2], "purpose": ["p", "p"]}
)
TEXTS = {"name": "notes", "type": {"type": "array", "items": "string"}, "default": []}
RECORD = {"type": "record", "name": "Note", "fields": [{"name": "weight", "type": "int"}]}


@pytest.mark.parametrize("items", ["string", RECORD])
def test_a_list_that_is_not_written_is_empty(items: Any) -> None:
    reader = reader_with(TEXTS | {"type": {"type": "array", "items": items}})
    read = project(WRITER, reader)(BATCH, {})
    assert read.column("notes").to_pylist() == [[], []]


def test_a_list_with_a_default_of_its_own_takes_more_than_columns() -> None:
    with pytest.raises(NotFlatError, match="notes is not empty where it is not written"):
        project(WRITER, reader_with(TEXTS | {"default": ["a"]}))
