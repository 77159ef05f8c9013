"""Records as lanes take and write them."""

from collections.abc import Sequence
from typing import Protocol

Entry = tuple[bytes, bytes | None]
"""A key and a value to write; None tells that the key is gone."""
Header = tuple[str, bytes]


class Record(Protocol):
    """What the lane needs of a consumed record."""

    @property
    def offset(self) -> int:
        """Its offset in the partition."""

    @property
    def timestamp(self) -> int:
        """Kafka's timestamp, in milliseconds."""

    @property
    def key(self) -> bytes | None:
        """Its key."""

    @property
    def value(self) -> bytes | None:
        """Its value."""

    @property
    def headers(self) -> Sequence[Header]:
        """Its headers."""
