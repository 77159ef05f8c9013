"""How a RocksDB is set up: what its databases share, and what they are told."""

from pathlib import Path
from tempfile import TemporaryDirectory

from rocksdict import BlockBasedOptions, Cache, DBCompressionType, Options, WriteBufferManager

_BLOCK_BYTES = 8 * 1024
_BLOOM_BITS = 10
_WRITE_BUFFER_SHARE = 4
"""A quarter of the cache may be memtables."""
_OPEN_FILES_MAX = 256
_LOG_BYTES_MAX = 1 << 20
_MANIFEST_BYTES_MAX = 64 * 1024
"""It names the first and last person of each file, former ones too until it is written anew."""
_WARNINGS_ONLY = """[Version]
  rocksdb_version=7.0.0
  options_file_version=1.1
[DBOptions]
  info_log_level=WARN_LEVEL
[CFOptions "default"]
"""
"""The log level has no setter. By default each purge would be logged with the people it is of."""


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


def options(memory: Memory) -> Options:
    """What a database is opened with."""
    blocks = BlockBasedOptions()
    blocks.set_block_cache(memory.cache)
    blocks.set_block_size(_BLOCK_BYTES)
    blocks.set_bloom_filter(_BLOOM_BITS, False)  # noqa: FBT003 - of a whole file
    blocks.set_cache_index_and_filter_blocks(True)  # or they are without a bound
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(True)
    chosen = _logging_warnings_only(memory)
    chosen.create_if_missing(True)  # noqa: FBT003 - says it all
    chosen.set_block_based_table_factory(blocks)
    chosen.set_compression_type(DBCompressionType.lz4())
    chosen.set_write_buffer_manager(memory.buffers)
    chosen.set_write_buffer_size(memory.write_buffer_bytes)
    chosen.set_max_open_files(_OPEN_FILES_MAX)
    chosen.set_keep_log_file_num(2)
    chosen.set_max_log_file_size(_LOG_BYTES_MAX)
    chosen.set_max_manifest_file_size(_MANIFEST_BYTES_MAX)
    return chosen


def _logging_warnings_only(memory: Memory) -> Options:
    """The defaults but for the log level, which only a file of options can set."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "OPTIONS-000001").write_text(_WARNINGS_ONLY)
        (Path(folder) / "rocksdict-config.json").write_text(
            '{"raw_mode": true, "prefix_extractors": {}}'
        )
        chosen, _ = Options.load_latest(folder, ignore_unknown_options=True, cache=memory.cache)
    return chosen
