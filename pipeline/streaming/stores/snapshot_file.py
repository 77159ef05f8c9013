"""The file of a snapshot: people as Arrow, the checkpoint with them, and a checksum of it all.

Arrow file, its schema's metadata with the checkpoint | CRC-32C of that, 4 bytes, big-endian
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
from crc32c import crc32c

from pipeline.factors.layout import FACTOR_ROW, LEDGER_ROW
from pipeline.factors.state import BatchState

Piece = tuple[BatchState, list[bool]]
"""People, and whether the changelog holds something of each in a former layout."""

_META = b"checkpoint"
_SUM_BYTES = 4
_SUMMED_AT_ONCE = 1 << 20
_SCHEMA = pa.schema(
    [
        ("user", pa.string()),
        ("row", pa.binary(FACTOR_ROW.itemsize)),
        ("ledger", pa.binary(LEDGER_ROW.itemsize)),
        ("contracts", pa.binary()),
        ("links", pa.binary()),
        ("outdated", pa.bool_()),
    ]
)


class DamagedError(Exception):
    """A file is not as it was written."""


def write(path: Path, pieces: Iterable[Piece], checkpoint: bytes) -> None:
    """Write a file and have it on the disk.

    Raises:
        OSError: The disk is full or fails.
        pa.ArrowException: The same.
    """
    schema = _SCHEMA.with_metadata({_META: checkpoint})
    with path.open("w+b") as file:
        with pa.ipc.new_file(file, schema) as writer:
            for state, outdated in pieces:
                writer.write_batch(_batch(state, outdated, schema))
        file.flush()
        with pa.memory_map(str(path)) as written:
            total = _sum_of(written.read_buffer())
        file.write(total.to_bytes(_SUM_BYTES))
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> tuple[bytes, list[pa.RecordBatch]]:
    """The checkpoint of a file, and what `people` reads; rows stay in the file until they are used.

    Raises:
        DamagedError: It is not what was written.
        OSError: It cannot be read.
    """
    with pa.memory_map(str(path)) as file:
        whole = file.read_buffer()
    size = whole.size - _SUM_BYTES
    if size < 0 or _sum_of(whole.slice(0, size)) != int.from_bytes(memoryview(whole)[size:]):
        raise DamagedError("its checksum is not that of its content")
    try:
        reader = pa.ipc.open_file(whole.slice(0, size))
    except pa.ArrowException as error:
        raise DamagedError(str(error)) from error
    metadata: Mapping[bytes, bytes] = reader.schema.metadata or {}
    return metadata.get(_META, b""), reader.read_all().to_batches()


def people(batch: pa.RecordBatch) -> tuple[BatchState, list[str]]:
    """People of a piece, and those of them who are outdated."""
    users = batch.column("user").to_pylist()
    rows, ledgers = (
        np.frombuffer(batch.column(name).buffers()[1], dtype, len(users))
        for name, dtype in (("row", FACTOR_ROW), ("ledger", LEDGER_ROW))
    )
    lists = (batch.column(name).to_pylist() for name in ("contracts", "links"))
    outdated = batch.column("outdated").to_pylist()
    marked = [user for user, is_in in zip(users, outdated, strict=True) if is_in]
    return BatchState(users, rows, ledgers, *lists), marked


def _sum_of(content: pa.Buffer) -> int:
    # By pieces, as the lanes wait for the interpreter meanwhile.
    view, total = memoryview(content), 0
    for start in range(0, len(view), _SUMMED_AT_ONCE):
        total = crc32c(view[start : start + _SUMMED_AT_ONCE], total)
    return total


def _batch(state: BatchState, outdated: list[bool], schema: pa.Schema) -> pa.RecordBatch:
    fixed = [
        pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(rows.dtype.itemsize),
            len(rows),
            [None, pa.py_buffer(np.ascontiguousarray(rows).view(np.uint8))],
        )
        for rows in (state.rows, state.ledgers)
    ]
    columns = [
        pa.array(state.users, pa.string()),
        *fixed,
        pa.array(state.contracts, pa.binary()),
        pa.array(state.links, pa.binary()),
        pa.array(outdated, pa.bool_()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
