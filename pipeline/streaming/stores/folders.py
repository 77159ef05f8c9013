"""What makes the stores of a worker's partitions."""

import asyncio
import time
from functools import partial

from pipeline.settings import Settings
from pipeline.streaming.beside import beside
from pipeline.streaming.store import PartitionStore
from pipeline.streaming.stores.base import Store, Stores
from pipeline.streaming.stores.changelogs import Identities
from pipeline.streaming.stores.checkpoint import Changelog, Checkpoint, Identity, misfit
from pipeline.streaming.stores.disk import Disk
from pipeline.streaming.stores.partition_folders import PartitionFolders
from pipeline.streaming.stores.snapshot import SnapshotDisk

_SWEEP_S = 300.0


class MemoryStores:
    """Stores that leave nothing behind."""

    async def open(self, changelog: Changelog, known: int = 0) -> Store:  # noqa: ARG002 - as the protocol has it
        """An empty store."""
        return PartitionStore()

    async def tidy(self) -> None:
        """Nothing is left."""


class DiskStores:
    """Stores that go on where they were, as far as that is still true."""

    def __init__(self, settings: Settings, folders: PartitionFolders, disk: Disk) -> None:
        """Set up; the folders are taken when the first store is opened.

        Args:
            settings: The worker's.
            folders: Of this worker and nobody else.
            disk: How a store lies in its folder.
        """
        self._folders = folders
        self._disk = disk
        self._identities = Identities(settings)

    async def open(self, changelog: Changelog, known: int = 0) -> Store:
        """The store of a partition, at its checkpoint if that fits; it is loaded in a thread.

        Raises:
            StoreError: The folder cannot be used, or another worker does.
        """
        self._folders.take()
        identity = await self._identities.of(changelog.topic)
        folder = self._folders.begin(changelog.partition)
        on_closed = partial(self._folders.end, folder)
        opening = partial(
            self._disk.open,
            folder,
            lambda checkpoint: _why_dropped(checkpoint, changelog, identity, known),
            Checkpoint(identity.topic_id, changelog.generation, 0, 0, None),
            on_closed,
        )
        try:
            return await beside(opening, lambda store: store.close(save=False))
        except BaseException:
            on_closed()
            raise

    async def tidy(self) -> None:
        """Delete what is left of partitions that are not owned any more, until cancelled.

        Raises:
            StoreError: The folder cannot be used, or another worker does.
        """
        self._folders.take()
        while True:
            self._folders.sweep()
            await asyncio.to_thread(self._folders.delete_left)
            await asyncio.sleep(_SWEEP_S)


def open_stores(settings: Settings) -> Stores:
    """What the settings ask for."""
    if settings.state_dir is None:
        return MemoryStores()
    disk: Disk
    if settings.store == "rocksdb":
        from pipeline.streaming.stores.rocks_disk import RocksDisk  # noqa: PLC0415 - only if asked

        disk = RocksDisk(settings)
    else:
        disk = SnapshotDisk(settings)
    folder = settings.state_dir / (settings.topic_prefix + settings.app_id)
    return DiskStores(settings, PartitionFolders(folder, disk.kind), disk)


def _why_dropped(
    checkpoint: Checkpoint, changelog: Changelog, identity: Identity, known: int
) -> str | None:
    if checkpoint.offset <= known:
        return f"it is at {checkpoint.offset}, and a warm copy at {known}"
    return misfit(checkpoint, changelog, identity, time.time_ns() // 1_000_000)
