"""Whether every version of a record's schema reads what every other version wrote."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

import avro.schema
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

from pipeline.codec.catalog import CommittedSchema, versions_of


@dataclass(frozen=True, slots=True)
class Break:
    """One version of a record cannot read another."""

    record: str
    reader: int
    writer: int
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        """What breaks, for the person who made the edit."""
        return (
            f"{self.record} v{self.reader} cannot read what v{self.writer} writes: "
            f"{'; '.join(self.reasons)}"
        )


def find_breaks(schemas: Iterable[CommittedSchema]) -> Iterator[Break]:
    """Every pair of versions of a record where one cannot read the other.

    All pairs, both ways: retained records are read by later versions, and a worker that is
    not yet upgraded reads what later producers write.
    """
    pool = tuple(schemas)
    for record in sorted({schema.record for schema in pool}):
        for older, newer in combinations(versions_of(record, pool), 2):
            for reader, writer in ((newer, older), (older, newer)):
                reasons = _reasons(reader, writer)
                if reasons:
                    yield Break(record, reader.version, writer.version, reasons)


def _reasons(reader: CommittedSchema, writer: CommittedSchema) -> tuple[str, ...]:
    found = ReaderWriterCompatibilityChecker().get_compatibility(  # type: ignore[no-untyped-call]
        avro.schema.parse(json.dumps(reader.avro)), avro.schema.parse(json.dumps(writer.avro))
    )
    if found.compatibility is SchemaCompatibilityType.compatible:
        return ()
    kinds = sorted(kind.value.replace("_", " ") for kind in found.incompatibilities)
    return (*kinds, *sorted(found.messages), *sorted(found.locations - {"/"}))
