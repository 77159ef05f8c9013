"""One RocksDB in a folder: reads and writes by the batch, every failure told with the folder.

There is no write-ahead log: what was not flushed is in the changelog, and a write is in one
memtable whole, so what a killed process leaves is what some write left.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import structlog
from rocksdict import Rdict, RdictIter, WriteBatch, WriteOptions

from pipeline.streaming.stores.checkpoint import StoreError
from pipeline.streaming.stores.rocks_options import Memory, options

log = structlog.get_logger(__name__)

Pair = tuple[bytes, bytes]
_OLD_S = 86_400
"""Files are rewritten so often at least, or they would keep what was overwritten for ever."""
_DAMAGED = "damaged"
"""A file beside the database: it failed to be read, and is made anew when it is next opened."""
_MEMORY = (
    "rocksdb.cur-size-all-mem-tables",
    "rocksdb.estimate-table-readers-mem",
)


class Database:
    """Sorted keys and values; what is written together is there together or not at all."""

    def __init__(self, folder: Path, memory: Memory) -> None:
        """Open, or make; what is there and cannot be read is made anew.

        Raises:
            StoreError: The folder cannot be used, or another process does.
        """
        self._folder = folder
        self._is_broken_off = False
        self._writing = WriteOptions()
        self._writing.disable_wal = True  # type: ignore[method-assign,assignment] # is an attribute
        if (folder / _DAMAGED).exists():
            self._drop("it was damaged")
        chosen = options(memory)
        with self._told():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                self._db = Rdict(str(folder), chosen)
            except Exception as error:
                if not _is_damage(error):
                    raise
                self._drop(str(error))
                folder.mkdir(mode=0o700)
                self._db = Rdict(str(folder), chosen)
            self._db.set_options({"periodic_compaction_seconds": str(_OLD_S)})

    def get(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The value of each key; None: there is none."""
        with self._told():
            values: Any = self._db.get(list(keys))
        return list(values)

    def write(self, puts: Sequence[Pair], deletes: Sequence[bytes]) -> None:
        """Set and delete, all in one."""
        batch = WriteBatch(raw_mode=True)
        for key, value in puts:
            batch[key] = value
        for key in deletes:
            del batch[key]
        with self._told():
            self._db.write(batch, self._writing)

    def scan(self, prefix: bytes, after: bytes = b"") -> Iterator[Pair]:
        """Pairs whose keys begin with a prefix, in order, those behind a key only.

        It sees what was there at its first step; nothing may be left half read.
        """
        with self._told():
            found = self._db.iter()
            found.seek(max(prefix, after + b"\0") if after else prefix)
            while (pair := _pair(found)) and pair[0].startswith(prefix):
                yield pair
                found.next()
            # The end of what is there and a block that cannot be read look the same before.
            found.status()

    def page(self, prefix: bytes, after: bytes, most: int) -> list[Pair]:
        """At most so many pairs of a `scan`."""
        return list(islice(self.scan(prefix, after), most))

    def flush(self) -> None:
        """Have what was written in files, some time soon."""
        with self._told():
            self._db.flush(wait=False)

    def purge(self, keys: Sequence[bytes] | None, prefixes: Sequence[bytes]) -> None:
        """Take what was deleted out of the files.

        Args:
            keys: What was; None: it is not known, so all files are gone through.
            prefixes: Where other keys were deleted with them.
        """
        with self._told():
            self._db.flush()
            if keys is None:
                self._db.compact_range(None, None)
                return
            for key in keys:
                self._db.compact_range(key, key)
            for prefix in prefixes:
                self._db.compact_range(prefix, prefix + b"\xff")

    @property
    def nbytes(self) -> int:
        """Bytes of memory it takes beside the shared cache."""
        with self._told():
            return sum(self._db.property_int_value(name) or 0 for name in _MEMORY)

    def drop(self, reason: str) -> None:
        """Close and delete it."""
        with self._told():
            self._db.close()
        self._drop(reason)

    def break_off(self) -> None:
        """Flush, and have a purge that is under way fail; all that is left to do is `close`."""
        self._try(self._db.flush)
        self._is_broken_off = True
        self._try(partial(self._db.cancel_all_background, wait=True))

    def close(self) -> None:
        """Flush and close; a failure is told and costs no more than reading the changelog on."""
        if self._is_broken_off:
            with suppress(Exception):  # it closes, and fails as it flushes nothing any more
                self._db.close()
            return
        self._try(self._db.flush)
        self._try(self._db.close)

    def _try(self, step: Callable[[], None]) -> None:
        try:
            with self._told():
                step()
        except StoreError as error:
            log.warning("state not flushed", error=str(error))

    def _drop(self, reason: str) -> None:
        log.warning("state on disk is dropped", folder=str(self._folder), reason=reason)
        with self._told():
            shutil.rmtree(self._folder)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (StoreError, GeneratorExit):
            raise
        except Exception as error:
            if _is_damage(error):
                with suppress(OSError):
                    (self._folder / _DAMAGED).touch()
            raise StoreError(f"the state in {self._folder}: {error}") from error


def _pair(found: RdictIter) -> Pair | None:
    return (found.key(), found.value()) if found.valid() else None


def _is_damage(error: Exception) -> bool:
    return str(error).startswith("Corruption")
