"""The folder of a worker, ``SESAME_STATE_DIR/<prefix and app id>``.

It holds a folder for each partition, ``partition-0``, and a lock on all of them: of two workers
each would read what the other wrote.
"""

import fcntl
import shutil
import time
from functools import partial
from pathlib import Path
from typing import IO

import structlog

from pipeline import topics
from pipeline.settings import Settings, variable
from pipeline.streaming.beside import beside
from pipeline.streaming.store import PartitionStore
from pipeline.streaming.stores.base import Store, Stores
from pipeline.streaming.stores.changelogs import Identities
from pipeline.streaming.stores.checkpoint import Changelog, Checkpoint, Identity, StoreError, misfit
from pipeline.streaming.stores.disk import Disk
from pipeline.streaming.stores.snapshot import SnapshotDisk

log = structlog.get_logger(__name__)

_PARTITION = "partition-"
_LEFT_MS = topics.CHANGELOG.tombstone_ms


class MemoryStores:
    """Stores that leave nothing behind."""

    async def open(self, changelog: Changelog, known: int = 0) -> Store:  # noqa: ARG002 - as the protocol has it
        """An empty store."""
        return PartitionStore()


class DiskStores:
    """Stores that go on where they were, as far as that is still true."""

    def __init__(self, settings: Settings, folder: Path, disk: Disk) -> None:
        """Set up; the folder is taken when the first store is opened.

        Args:
            settings: The worker's.
            folder: Of this worker and nobody else.
            disk: How a store lies in its folder.
        """
        self._folder = folder / (settings.topic_prefix + settings.app_id)
        self._disk = disk
        self._identities = Identities(settings)
        self._lock: IO[bytes] | None = None

    async def open(self, changelog: Changelog, known: int = 0) -> Store:
        """The store of a partition, at its checkpoint if that fits; it is loaded in a thread.

        Raises:
            StoreError: The folder cannot be used, or another worker does.
        """
        self._take_folder()
        identity = await self._identities.of(changelog.topic)
        opening = partial(
            self._disk.open,
            self._folder / f"{_PARTITION}{changelog.partition}",
            lambda checkpoint: _why_dropped(checkpoint, changelog, identity, known),
            Checkpoint(identity.topic_id, changelog.generation, 0, 0, None),
        )
        return await beside(opening, lambda store: store.close(save=False))

    def _take_folder(self) -> None:
        """Lock the folder, once, for as long as the process lives."""
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
        self._drop_left()

    def _drop_left(self) -> None:
        """Delete what no partition will go on from: it holds people who may have left since."""
        oldest = time.time() - _LEFT_MS / 1000
        for folder in self._folder.glob(f"{_PARTITION}*"):
            if max(path.stat().st_mtime for path in (folder, *folder.iterdir())) < oldest:
                log.info("state on disk is too old", folder=str(folder))
                shutil.rmtree(folder, ignore_errors=True)


def open_stores(settings: Settings) -> Stores:
    """What the settings ask for."""
    if settings.state_dir is None:
        return MemoryStores()
    if settings.store == "rocksdb":
        from pipeline.streaming.stores.rocks_disk import RocksDisk  # noqa: PLC0415 - only if asked

        return DiskStores(settings, settings.state_dir, RocksDisk(settings))
    return DiskStores(settings, settings.state_dir, SnapshotDisk(settings))


def _why_dropped(
    checkpoint: Checkpoint, changelog: Changelog, identity: Identity, known: int
) -> str | None:
    if checkpoint.offset <= known:
        return f"it is at {checkpoint.offset}, and a warm copy at {known}"
    return misfit(checkpoint, changelog, identity, time.time_ns() // 1_000_000)
