"""The files of an archive: where they lie, and what a record is in them.

    DIR/archive.json                              whose archive it is
    DIR/<topic>/<partition>/<start>-<end>.parquet records at offsets from start up to end

A file's name says which offsets it covers, those included that no record has. Files are written
beside their place and moved there whole.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.streaming.records import Header, Record, UnreadableRecord

PARTIAL = ".partial"
_READ_ROWS = 8_192
_NAME = re.compile(r"(\d{20})-(\d{20})\.parquet")
SCHEMA = pa.schema(
    [
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("timestamp", pa.int64(), nullable=False),
        ("key", pa.binary()),
        ("value", pa.binary()),
        ("headers", pa.list_(pa.struct([("name", pa.string()), ("value", pa.binary())]))),
        # Why a batch could not be read, where the record only stands for it.
        ("problem", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class ArchivedRecord:
    """A record as it lay in Kafka."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...]


def file_of(folder: Path, span: range) -> Path:
    """The file for these offsets.

    >>> file_of(Path("payments/0"), range(5, 9)).name
    '00000000000000000005-00000000000000000009.parquet'
    """
    return folder / f"{span.start:020d}-{span.stop:020d}.parquet"


def files_in(folder: Path) -> dict[range, Path]:
    """The whole files of a folder by the offsets they cover, in their order."""
    if not folder.is_dir():
        return {}
    matches = ((_NAME.fullmatch(path.name), path) for path in folder.iterdir())
    found = {range(int(m[1]), int(m[2])): path for m, path in matches if m is not None}
    return dict(sorted(found.items(), key=lambda item: item[0].start))


def read_file(path: Path, start: int) -> Iterator[list[Record]]:
    """A file's records from an offset on, some thousands at a time."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_READ_ROWS):
            records = [_record(row) for row in batch.to_pylist() if row["offset"] >= start]
            if records:
                yield records


class FileWriter:
    """Writes one file; nothing is in its place before ``finish``."""

    def __init__(self, folder: Path, start: int) -> None:
        """Begin the file whose first offset is ``start``."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._start = start
        self._partial = folder / f"{start:020d}{PARTIAL}"
        self._writer = pq.ParquetWriter(self._partial, SCHEMA, compression="zstd")
        self.records = 0

    def add(self, records: Sequence[Record]) -> None:
        """Append records in the order of their offsets."""
        rows = [_row(record) for record in records]
        self._writer.write_table(pa.Table.from_pylist(rows, schema=SCHEMA))
        self.records += len(records)

    def finish(self, end: int) -> Path:
        """Put the file in its place; it covers offsets up to but without ``end``."""
        self._writer.close()
        place = file_of(self._folder, range(self._start, end))
        with self._partial.open("rb") as written:
            os.fsync(written.fileno())
        self._partial.replace(place)
        _sync(self._folder)
        return place

    def drop(self) -> None:
        """Leave nothing behind."""
        self._writer.close()
        self._partial.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Put a small file in its place, whole."""
    partial = path.with_name(path.name + PARTIAL)
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    """A file that was moved is in its place after a power cut too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _row(record: Record) -> dict[str, object]:
    return {
        "offset": record.offset,
        "timestamp": record.timestamp,
        "key": record.key,
        "value": record.value,
        "headers": [{"name": name, "value": value} for name, value in record.headers],
        "problem": record.problem if isinstance(record, UnreadableRecord) else None,
    }


def _record(row: dict[str, object]) -> Record:
    offset, timestamp = cast("int", row["offset"]), cast("int", row["timestamp"])
    if row["problem"] is not None:
        return UnreadableRecord(offset, timestamp, str(row["problem"]))
    headers = cast("list[dict[str, object]]", row["headers"] or [])
    return ArchivedRecord(
        offset,
        timestamp,
        cast("bytes | None", row["key"]),
        cast("bytes | None", row["value"]),
        tuple((str(h["name"]), cast("bytes", h["value"])) for h in headers),
    )
