"""Settings of what a worker keeps of its partitions, and where."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings

from pipeline.settings.fields import FOLDER, refusal


class StoreSettings(BaseSettings):
    """The part of the settings that a worker's stores read."""

    store: Literal["memory", "rocksdb"] = Field(
        "memory",
        description="What holds people's rows: memory, or RocksDB on disk with a cache in memory.",
    )
    state_dir: Path | None = Field(
        None,
        description="Folder of one worker alone for rows and checkpoints; none: nothing on disk.",
        json_schema_extra=FOLDER,
    )
    state_cache_bytes: int = Field(
        256 << 20,
        ge=16 << 20,
        le=1 << 40,
        description="Bytes of memory that RocksDB and the rows in use may take, for all partitions "
        "of a worker.",
    )
    checkpoint_s: float = Field(
        10.0,
        ge=0.1,
        le=3_600,
        description="Seconds between two checkpoints of a partition, where it has some.",
    )

    @model_validator(mode="after")
    def _has_a_folder(self) -> Self:
        if self.store == "rocksdb" and self.state_dir is None:
            must_be = f"{FOLDER['allowed']}: SESAME_STORE=rocksdb needs it"
            raise refusal("state_dir", "not set", must_be)
        return self
