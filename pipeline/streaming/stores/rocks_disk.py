"""Opens the RocksDB of a partition, at its checkpoint or empty."""

from pathlib import Path

import structlog

from pipeline.settings import Settings
from pipeline.streaming.stores import checkpoint as checkpoints
from pipeline.streaming.stores import rows
from pipeline.streaming.stores.checkpoint import Checkpoint, StoreError
from pipeline.streaming.stores.database import Database
from pipeline.streaming.stores.disk import Judge, OnClosed, nobody
from pipeline.streaming.stores.rocks import RocksStore
from pipeline.streaming.stores.rocks_options import Memory

log = structlog.get_logger(__name__)

_CACHED_BYTES = 1_024
"""A person in memory, as far as is reckoned: rows, names, index."""
_PEOPLE_MIN = 1_000


class RocksDisk:
    """`Disk` of RocksDB; half of the memory is its own cache, half people in use."""

    kind = "rocksdb"

    def __init__(self, settings: Settings) -> None:
        """Set up what all partitions of a worker share."""
        half = settings.state_cache_bytes // 2
        self._memory = Memory(half)
        self._people_max = max(_PEOPLE_MIN, half // settings.partitions // _CACHED_BYTES)
        self._every_s = settings.checkpoint_s

    def open(
        self, folder: Path, judge: Judge, beginning: Checkpoint, on_closed: OnClosed = nobody
    ) -> RocksStore:
        """The store in a folder, or an empty one if it has none that the judge lets pass."""
        database = Database(folder, self._memory)
        found, why = _judged(database, judge)
        if why is not None:
            database.drop(why)
            database = Database(folder, self._memory)
        if found is not None:
            log.info("state on disk", folder=str(folder), people=found.people, offset=found.offset)
        return RocksStore(database, found or beginning, self._people_max, self._every_s, on_closed)


def _judged(database: Database, judge: Judge) -> tuple[Checkpoint | None, str | None]:
    """The checkpoint to go on from, or why what is there is to be dropped."""
    try:
        found = found_in(database)
        if found is None:
            return None, "it is another program's" if database.page(b"", b"", 1) else None
    except StoreError as error:
        return None, str(error)
    why = judge(found)
    return (found, None) if why is None else (None, why)


def found_in(database: Database) -> Checkpoint | None:
    """The checkpoint a database is at; None: it is empty, or its layouts are not ours."""
    (value,) = database.get([rows.CHECKPOINT])
    return None if value is None else checkpoints.decode(value)
