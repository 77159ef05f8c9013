"""One RocksDB in a folder: reads and writes by the batch, every failure told with the folder.

There is no write-ahead log: what was not flushed is in the changelog, and a write is in one
memtable whole, so what a killed process leaves is what some write left.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import structlog
from rocksdict import (
    BlockBasedOptions,
    Cache,
    DBCompressionType,
    Options,
    Rdict,
    RdictIter,
    WriteBatch,
    WriteBufferManager,
    WriteOptions,
)

from pipeline.streaming.stores.checkpoint import StoreError

log = structlog.get_logger(__name__)

Pair = tuple[bytes, bytes]
_BLOCK_BYTES = 8 * 1024
_BLOOM_BITS = 10
_WRITE_BUFFER_SHARE = 4
"""A quarter of the cache may be memtables."""
_OPEN_FILES_MAX = 256
_OLD_S = 86_400
"""Files are rewritten so often at least, or they would keep what was overwritten for ever."""
_LOG_BYTES_MAX = 1 << 20
_MANIFEST_BYTES_MAX = 64 * 1024
"""It names the first and last person of each file, former ones too until it is written anew."""
_DAMAGED = "damaged"
"""A file beside the database: it failed to be read, and is made anew when it is next opened."""
_MEMORY = (
    "rocksdb.cur-size-all-mem-tables",
    "rocksdb.estimate-table-readers-mem",
)


class Memory:
    """What all databases of a process share: blocks, their index and memtables are in it."""

    def __init__(self, nbytes: int) -> None:
        """Set up for so many bytes."""
        self.cache = Cache(nbytes)
        self.buffers = WriteBufferManager.new_write_buffer_manager_with_cache(
            nbytes // _WRITE_BUFFER_SHARE,
            False,  # noqa: FBT003 - flush early rather than hold writers up
            self.cache,
        )
        self.write_buffer_bytes = nbytes // _WRITE_BUFFER_SHARE


class Database:
    """Sorted keys and values; what is written together is there together or not at all."""

    def __init__(self, folder: Path, memory: Memory) -> None:
        """Open, or make; what is there and cannot be read is made anew.

        Raises:
            StoreError: The folder cannot be used, or another process does.
        """
        self._folder = folder
        self._writing = WriteOptions()
        self._writing.disable_wal = True  # type: ignore[method-assign,assignment] # is an attribute
        if (folder / _DAMAGED).exists():
            self._drop("it was damaged")
        options = _options(memory)
        with self._told():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                self._db = Rdict(str(folder), options)
            except Exception as error:
                if not _is_damage(error):
                    raise
                self._drop(str(error))
                folder.mkdir(mode=0o700)
                self._db = Rdict(str(folder), options)
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
        self._db.close()
        self._drop(reason)

    def close(self) -> None:
        """Flush and close; a failure is told and costs no more than reading the changelog on."""
        for step in (self._db.flush, self._db.close):
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


def _options(memory: Memory) -> Options:
    blocks = BlockBasedOptions()
    blocks.set_block_cache(memory.cache)
    blocks.set_block_size(_BLOCK_BYTES)
    blocks.set_bloom_filter(_BLOOM_BITS, False)  # noqa: FBT003 - of a whole file
    blocks.set_cache_index_and_filter_blocks(True)  # or they are without a bound
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(True)
    options = Options(raw_mode=True)
    options.create_if_missing(True)  # noqa: FBT003 - says it all
    options.set_block_based_table_factory(blocks)
    options.set_compression_type(DBCompressionType.lz4())
    options.set_write_buffer_manager(memory.buffers)
    options.set_write_buffer_size(memory.write_buffer_bytes)
    options.set_max_open_files(_OPEN_FILES_MAX)
    options.set_keep_log_file_num(2)
    options.set_max_log_file_size(_LOG_BYTES_MAX)
    options.set_max_manifest_file_size(_MANIFEST_BYTES_MAX)
    return options


def _pair(found: RdictIter) -> Pair | None:
    return (found.key(), found.value()) if found.valid() else None


def _is_damage(error: Exception) -> bool:
    return str(error).startswith("Corruption")
