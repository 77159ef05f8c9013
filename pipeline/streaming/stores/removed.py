"""What was removed from a database leaves its files too, after a while."""

import time
from concurrent.futures import Future, ThreadPoolExecutor

import structlog

from pipeline.streaming.stores import rows
from pipeline.streaming.stores.checkpoint import StoreError
from pipeline.streaming.stores.database import Database

log = structlog.get_logger(__name__)

PURGE_S = 2700.0
"""How long files of an owned partition may hold what was removed, until they are rewritten. With
the minutes that those of a lost one stay it is within the hour that is promised."""
_KEYS_MAX = 1_000
"""Looked for one by one; for more all files are gone through."""
# One thread: files of several partitions are not rewritten at once, and lanes go on meanwhile.
_BESIDE = ThreadPoolExecutor(1, "state-purge")


class Removed:
    """Keys whose former values files may still hold."""

    def __init__(self, database: Database, *, is_known: bool) -> None:
        """Set up; ``is_known`` False: there may be some of which nobody knows."""
        self._database = database
        self._keys: list[bytes] | None = [] if is_known else None
        self._due_at = time.monotonic() + (PURGE_S if is_known else 0.0)
        self._purging: Future[None] | None = None

    @property
    def is_unpurged(self) -> bool:
        """Whether files may hold something that was removed."""
        return self._keys != [] or self._is_purging

    @property
    def due_in_s(self) -> float | None:
        """Seconds until it is time to purge; None: there is nothing to, or it is under way."""
        if self._keys == [] or self._is_purging:
            return None
        return max(0.0, self._due_at - time.monotonic())

    def add(self, key: bytes) -> None:
        """A key was removed."""
        if self._keys is not None:
            self._keys.append(key)
            if len(self._keys) > _KEYS_MAX:
                self._keys = None

    def purge(self) -> None:
        """Begin to purge; what was removed is written."""
        keys, self._keys = self._keys, []
        self._due_at = time.monotonic() + PURGE_S
        self._purging = _BESIDE.submit(self._purge, keys)

    def end(self) -> None:
        """Break off what is under way, and do not begin what is not; the database is to be closed.

        The checkpoint says `is_unpurged` until a later one is written.
        """
        if self._purging is None or self._purging.cancel() or self._purging.done():
            return
        self._database.break_off()
        self._purging.result()

    @property
    def _is_purging(self) -> bool:
        return self._purging is not None and not self._purging.done()

    def _purge(self, keys: list[bytes] | None) -> None:
        try:
            self._database.purge(keys, [rows.ENDS, rows.OUTDATED])
        except StoreError as error:
            log.warning("what was removed is not purged", error=str(error))
            self._keys = None
