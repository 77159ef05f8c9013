"""People in memory, and a snapshot of all of them on disk from time to time.

It is an Arrow file, written beside the lane and put in place of the former one whole.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pyarrow as pa
import structlog

from pipeline.settings import Settings
from pipeline.streaming.position import Position
from pipeline.streaming.store import PartitionStore
from pipeline.streaming.stores import checkpoint as checkpoints
from pipeline.streaming.stores import snapshot_file
from pipeline.streaming.stores.checkpoint import Checkpoint, StoreError
from pipeline.streaming.stores.disk import Judge, OnClosed, nobody
from pipeline.streaming.stores.snapshot_file import DamagedError, Piece

log = structlog.get_logger(__name__)

_FILE = "people.arrow"
_UNFINISHED = f"{_FILE}.unfinished"
_BESIDE_SHARE = 10
"""At most a tenth of the time goes into the snapshots of a partition, however large it is, and a
tenth into the copies of all partitions, for which all lanes wait."""
_PEOPLE = 50_000
"""In a piece of the file."""
_TURN_S = 0.5


class Saver:
    """Writes one snapshot at a time: a second copy of one partition is in memory, not of all."""

    def __init__(self) -> None:
        """Set up; the thread is started with the first."""
        self._thread = ThreadPoolExecutor(1, "state-snapshot")
        self._last: Future[float] | None = None
        self._rested_at = 0.0

    @property
    def due_in_s(self) -> float:
        """Seconds until it is worth asking for the next; 0: it may begin."""
        if self._last is not None and not self._last.done():
            return _TURN_S
        return max(0.0, self._rested_at - time.monotonic())

    def copied(self, took_s: float) -> None:
        """Take note of how long lanes had to wait."""
        self._rested_at = time.monotonic() + _BESIDE_SHARE * took_s

    def begin(self, save: Callable[[], float]) -> Future[float]:
        """Write one beside the lanes."""
        self._last = self._thread.submit(save)
        return self._last


class SnapshotStore(PartitionStore):
    """A `PartitionStore` that leaves snapshots."""

    def __init__(
        self,
        folder: Path,
        beginning: Checkpoint,
        every_s: float,
        saver: Saver,
        on_closed: OnClosed = nobody,
    ) -> None:
        """Start empty; snapshots go into ``folder``, every so many seconds at most."""
        super().__init__()
        self._on_closed = on_closed
        self._folder = folder
        self._every_s = every_s
        self._reached = beginning
        self._is_saved = True
        self._due_at = time.monotonic() + every_s
        self._saver = saver
        self._saving: Future[float] | None = None
        self._copying_s = 0.0

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
        if (wait_s := self._saver.due_in_s) > 0.0:
            self._due_at = time.monotonic() + wait_s
            return
        if self._saving is not None:
            took_s = self._copying_s + self._saving.result()
            self._every_s = max(self._every_s, _BESIDE_SHARE * took_s)
        began = time.monotonic()
        copied = self._copy()
        self._copying_s = time.monotonic() - began
        self._saver.copied(self._copying_s)
        self._due_at = time.monotonic() + self._every_s
        self._is_saved = True
        self._saving = self._saver.begin(partial(self._save, *copied))

    def close(self, *, save: bool = True) -> None:
        """Leave a snapshot of the end if asked to."""
        try:
            if self._saving is not None:
                self._saving.result()
            if save and not self._is_saved:
                self._save(*self._copy())
        finally:
            self._on_closed()

    def load(self, pieces: list[pa.RecordBatch], checkpoint: Checkpoint) -> None:
        """Take in what a snapshot holds."""
        for piece in pieces:
            state, outdated = snapshot_file.people(piece)
            self.put_row(state.users, state.rows)
            self.put_ledger(state.users, state.ledgers)
            self.put_many_contracts(state.users, state.contracts)
            self.put_many_links(state.users, state.links)
            self.outdated.update(outdated)
        self._reached = self.checkpoint = checkpoint

    def _copy(self) -> tuple[list[Piece], Checkpoint]:
        pieces = [
            (self.gather(users), [user in self.outdated for user in users])
            for users in self.chunks(_PEOPLE)
        ]
        return pieces, replace(self._reached, people=len(self), outdated=len(self.outdated))

    def _save(self, pieces: list[Piece], of: Checkpoint) -> float:
        """Write a snapshot; the seconds it took. A failure costs but the snapshot."""
        began = time.monotonic()
        unfinished = self._folder / _UNFINISHED
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            snapshot_file.write(unfinished, pieces, of.encode())
            unfinished.replace(self._folder / _FILE)
        except (OSError, pa.ArrowException) as error:
            log.warning("no snapshot", folder=str(self._folder), error=str(error))
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
        return time.monotonic() - began


class SnapshotDisk:
    """`Disk` of snapshots."""

    kind = "snapshot"

    def __init__(self, settings: Settings) -> None:
        """Set up."""
        self._every_s = settings.checkpoint_s
        self._saver = Saver()

    def open(
        self, folder: Path, judge: Judge, beginning: Checkpoint, on_closed: OnClosed = nobody
    ) -> SnapshotStore:
        """A store of the snapshot in a folder, or an empty one if the judge lets it not pass.

        Raises:
            StoreError: The snapshot cannot be deleted.
        """
        store = SnapshotStore(folder, beginning, self._every_s, self._saver, on_closed)
        path = folder / _FILE
        try:
            (folder / _UNFINISHED).unlink(missing_ok=True)  # a killed worker's
            if not path.exists():
                return store
            why = _take_up(store, path, judge)
            if why is not None:
                log.warning("state on disk is dropped", folder=str(folder), reason=why)
                path.unlink()
                store = SnapshotStore(folder, beginning, self._every_s, self._saver, on_closed)
        except OSError as error:
            raise StoreError(f"the state in {folder}: {error}") from error
        return store


def _take_up(store: SnapshotStore, path: Path, judge: Judge) -> str | None:
    """Load a snapshot; why it is to be dropped, if it is."""
    try:
        content, pieces = snapshot_file.read(path)
    except DamagedError as error:
        return str(error)
    found = checkpoints.decode(content)
    if found is None:
        return "it is another program's"
    if (why := judge(found)) is not None:
        return why
    store.load(pieces, found)
    if len(store) != found.people:
        return f"it has {len(store)} of {found.people} people"
    log.info("state on disk", folder=str(path.parent), people=found.people, offset=found.offset)
    return None
