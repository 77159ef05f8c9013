"""Settings of warm copies: what a worker holds of partitions that others own."""

from typing import Self

from pydantic import Field, model_validator

from pipeline.settings.fields import refusal
from pipeline.settings.stores import StoreSettings


class StandbySettings(StoreSettings):
    """The part of the settings that says whether and how much a worker stands by."""

    standby: bool = Field(
        default=False,
        description="Whether a worker follows the changelogs of partitions it does not own, so as "
        "to take them over warm; its memory then holds them too.",
    )
    standby_bytes_max: int = Field(
        4 << 30,
        ge=1 << 20,
        le=1 << 40,
        description="Bytes of rows a worker holds of partitions it does not own; copies beyond "
        "are dropped.",
    )

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        if self.standby and self.store == "rocksdb":
            must_be = "0 with SESAME_STORE=rocksdb: warm copies are held in memory"
            raise refusal("standby", "1", must_be)
        return self
