"""The folders of a worker's partitions, and a lock on all of them.

    SESAME_STATE_DIR/<prefix and app id>/
        lock                    held for as long as the process lives
        partition-0.rocksdb/    each kind of store has folders of its own
        left-.../               on its way out

Of two workers each would read what the other wrote. A folder that is not in use holds people whom
nobody erases there, so it does not stay for long.
"""

import fcntl
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

import structlog

from pipeline.settings import variable
from pipeline.streaming.stores.checkpoint import StoreError

log = structlog.get_logger(__name__)

UNUSED_S = 600.0
"""A partition that comes back by then, in a rebalance or two, finds its people."""
_PARTITION = "partition-"
_LEFT = "left-"


class PartitionFolders:
    """One kind of store's folders; they are made by whoever uses them."""

    def __init__(
        self, folder: Path, kind: str, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        """Set up; nothing is looked at before `take`."""
        self._folder = folder
        self._kind = kind
        self._clock_s = clock_s
        self._lock: IO[bytes] | None = None
        self._in_use: set[Path] = set()
        self._unused_since: dict[Path, float] = {}

    def take(self) -> None:
        """Lock them, once, for as long as the process lives.

        Raises:
            StoreError: The folder cannot be used, or another worker does.
        """
        if self._lock is not None:
            return
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = (self._folder / "lock").open("wb")
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreError(
                f"{self._folder} is in use: give each worker a {variable('state_dir')} of its own"
            ) from error
        except OSError as error:
            raise StoreError(f"{self._folder} cannot be used: {error}") from error
        self._lock = lock

    def begin(self, partition: int) -> Path:
        """The folder of a partition, which is in use until `end`."""
        folder = self._folder / f"{_PARTITION}{partition}.{self._kind}"
        self._in_use.add(folder)
        return folder

    def end(self, folder: Path) -> None:
        """Nobody uses a folder for now; any thread may say so."""
        self._unused_since[folder] = self._clock_s()
        self._in_use.discard(folder)

    def sweep(self) -> None:
        """Set aside what is not used any more, for `delete_left`, and at once another kind's.

        Raises:
            StoreError: The folder cannot be used.
        """
        now = self._clock_s()
        try:
            for folder in self._folder.glob(f"{_PARTITION}*"):
                unused_s = now - self._unused_since.setdefault(folder, now)
                if folder.suffix != f".{self._kind}":
                    self._leave(folder, "it is of another kind of store")
                elif folder not in self._in_use and unused_s >= UNUSED_S:
                    self._leave(folder, "its partition is not owned any more")
        except OSError as error:
            raise StoreError(f"{self._folder} cannot be used: {error}") from error

    def delete_left(self) -> None:
        """Delete what was set aside, by a former process too; what fails is tried next time."""
        for folder in self._folder.glob(f"{_LEFT}*"):
            shutil.rmtree(folder, ignore_errors=True)

    def _leave(self, folder: Path, reason: str) -> None:
        log.info("state on disk is dropped", folder=str(folder), reason=reason)
        self._unused_since.pop(folder, None)
        # Renamed first: whoever opens the partition meanwhile begins with a new folder.
        folder.rename(self._folder / f"{_LEFT}{time.time_ns()}-{folder.name}")
