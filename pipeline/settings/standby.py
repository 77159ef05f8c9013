"""Settings of warm copies: what a worker holds of partitions that others own."""

from pydantic import Field
from pydantic_settings import BaseSettings


class StandbySettings(BaseSettings):
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
