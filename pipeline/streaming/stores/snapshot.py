"""People in memory, and a snapshot of all of them on disk from time to time.

It is an Arrow file, written beside the lane and put in place of the former one whole.
"""

import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import structlog

from pipeline.factors.layout import FACTOR_ROW, LEDGER_ROW
from pipeline.factors.state import BatchState
from pipeline.settings import Settings
from pipeline.streaming.position import Position
from pipeline.streaming.store import PartitionStore
from pipeline.streaming.stores import checkpoint as checkpoints
from pipeline.streaming.stores.checkpoint import Checkpoint, StoreError
from pipeline.streaming.stores.disk import Judge

log = structlog.get_logger(__name__)

_FILE = "people.arrow"
_BESIDE_SHARE = 10
"""Of the time at most a tenth goes into snapshots, however large they are."""
_PEOPLE = 50_000
"""In a piece of the file."""
_META = b"checkpoint"
_TURN_S = 0.5


class Saver:
    """Writes one snapshot at a time: a second copy of one partition is in memory, not of all."""

    def __init__(self) -> None:
        """Set up; the thread is started with the first."""
        self._thread = ThreadPoolExecutor(1, "state-snapshot")
        self._last: Future[float] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether one is being written."""
        return self._last is not None and not self._last.done()

    def begin(self, save: Callable[[], float]) -> Future[float]:
        """Write one beside the lanes."""
        self._last = self._thread.submit(save)
        return self._last


class SnapshotStore(PartitionStore):
    """A `PartitionStore` that leaves snapshots."""

    def __init__(self, folder: Path, beginning: Checkpoint, every_s: float, saver: Saver) -> None:
        """Start empty; snapshots go into ``folder``, every so many seconds at most."""
        super().__init__()
        self._folder = folder
        self._every_s = every_s
        self._reached = beginning
        self._is_saved = True
        self._due_at = time.monotonic() + every_s
        self._saver = saver
        self._saving: Future[float] | None = None

    def keep(self, position: Position | None, offset: int, at_ms: int) -> None:
        """Take note of what the next snapshot is of."""
        self._reached = replace(self._reached, position=position, offset=offset, at_ms=at_ms)
        self._is_saved = False

    def due_in_s(self) -> float | None:
        """Seconds until the next snapshot is to be made; None: the last says it all."""
        if self._is_saved:
            return None
        return max(0.0, self._due_at - time.monotonic())

    def tend(self) -> None:
        """Begin a snapshot; while one is being written, of any partition, it is put off."""
        if self._saver.is_busy:
            self._due_at = time.monotonic() + _TURN_S
            return
        if self._saving is not None:
            self._every_s = max(self._every_s, _BESIDE_SHARE * self._saving.result())
        self._due_at = time.monotonic() + self._every_s
        self._is_saved = True
        self._saving = self._saver.begin(partial(self._save, *self._copy()))

    def close(self, *, save: bool = True) -> None:
        """Leave a snapshot of the end, if asked to."""
        if self._saving is not None:
            self._saving.result()
        if save and not self._is_saved:
            self._save(*self._copy())

    def load(self, table: pa.Table, checkpoint: Checkpoint) -> None:
        """Take in what a snapshot holds."""
        for piece in table.to_batches():
            state, outdated = _people(piece)
            self.put_row(state.users, state.rows)
            self.put_ledger(state.users, state.ledgers)
            self.put_many_contracts(state.users, state.contracts)
            self.put_many_links(state.users, state.links)
            self.outdated.update(outdated)
        self._reached = self.checkpoint = checkpoint

    def _copy(self) -> tuple[list[tuple[BatchState, list[bool]]], Checkpoint]:
        pieces = [
            (self.gather(users), [user in self.outdated for user in users])
            for users in self.chunks(_PEOPLE)
        ]
        return pieces, replace(self._reached, people=len(self), outdated=len(self.outdated))

    def _save(self, pieces: list[tuple[BatchState, list[bool]]], of: Checkpoint) -> float:
        """Write a snapshot; the seconds it took. A failure costs but the snapshot."""
        began = time.monotonic()
        path, unfinished = self._folder / _FILE, self._folder / f"{_FILE}.unfinished"
        schema = _SCHEMA.with_metadata({_META: of.encode()})
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with unfinished.open("wb") as file:
                with pa.ipc.new_file(file, schema) as writer:
                    for state, outdated in pieces:
                        writer.write_batch(_piece(state, outdated, schema))
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        except (OSError, pa.ArrowException) as error:
            log.warning("no snapshot", folder=str(self._folder), error=str(error))
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
        return time.monotonic() - began


class SnapshotDisk:
    """`Disk` of snapshots."""

    def __init__(self, settings: Settings) -> None:
        """Set up."""
        self._every_s = settings.checkpoint_s
        self._saver = Saver()

    def open(self, folder: Path, judge: Judge, beginning: Checkpoint) -> SnapshotStore:
        """A store of the snapshot in a folder, or an empty one if the judge lets it not pass.

        Raises:
            StoreError: The snapshot cannot be deleted.
        """
        store = SnapshotStore(folder, beginning, self._every_s, self._saver)
        path = folder / _FILE
        try:
            if not path.exists():
                return store
            why = self._take_up(store, path, judge)
            if why is not None:
                log.warning("state on disk is dropped", folder=str(folder), reason=why)
                path.unlink()
                store = SnapshotStore(folder, beginning, self._every_s, self._saver)
        except OSError as error:
            raise StoreError(f"the state in {folder}: {error}") from error
        return store

    def _take_up(self, store: SnapshotStore, path: Path, judge: Judge) -> str | None:
        """Load a snapshot; why it is to be dropped, if it is."""
        try:
            with pa.memory_map(str(path)) as file, pa.ipc.open_file(file) as reader:
                metadata: Mapping[bytes, bytes] = reader.schema.metadata or {}
                found = checkpoints.decode(metadata.get(_META, b""))
                why = "it is another program's" if found is None else judge(found)
                if why is None and found is not None:
                    store.load(reader.read_all(), found)
                    log.info(
                        "state on disk",
                        folder=str(path.parent),
                        people=found.people,
                        offset=found.offset,
                    )
        except pa.ArrowException as error:
            return str(error)
        if why is None and found is not None and len(store) != found.people:
            return f"it has {len(store)} of {found.people} people"
        return why


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


def _piece(state: BatchState, outdated: list[bool], schema: pa.Schema) -> pa.RecordBatch:
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


def _people(piece: pa.RecordBatch) -> tuple[BatchState, list[str]]:
    users = piece.column("user").to_pylist()
    rows, ledgers = (
        np.frombuffer(piece.column(name).buffers()[1], dtype, len(users))
        for name, dtype in (("row", FACTOR_ROW), ("ledger", LEDGER_ROW))
    )
    lists = (piece.column(name).to_pylist() for name in ("contracts", "links"))
    outdated = piece.column("outdated").to_pylist()
    marked = [user for user, is_in in zip(users, outdated, strict=True) if is_in]
    return BatchState(users, rows, ledgers, *lists), marked
