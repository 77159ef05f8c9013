"""Where a partition's state stands: kept with the state, in the same transaction.

Kafka's committed group offsets are only a hint where to start reading; this is the truth.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from pipeline.streaming.layouts import Layouts, UnreadableRowError

_LAYOUTS: Layouts[dict[str, Any]] = Layouts("position", 1, {})


@dataclass(slots=True)
class Position:
    """Applied offsets and event time of one partition.

    ``applied`` maps a topic's name without prefix to its last applied offset;
    ``watermark_ms`` is the newest event time applied; ``swept_month`` the month (since
    1970) for which everybody has been re-scored.
    """

    applied: dict[str, int] = field(default_factory=dict)
    watermark_ms: int = 0
    swept_month: int = 0

    def next_offset(self, topic: str) -> int:
        """The first offset of ``topic`` not yet applied."""
        return self.applied.get(topic, -1) + 1

    def copy(self) -> "Position":
        """An independent copy."""
        return Position(dict(self.applied), self.watermark_ms, self.swept_month)

    def encode(self) -> bytes:
        """The changelog value."""
        return json.dumps(
            {
                "layout": _LAYOUTS.current,
                "applied": self.applied,
                "watermark_ms": self.watermark_ms,
                "swept_month": self.swept_month,
            },
            sort_keys=True,
        ).encode()

    @classmethod
    def decode(cls, value: bytes) -> "Position":
        """Read a changelog value.

        Raises:
            UnreadableRowError: The value is no position, or one of an unknown layout.
        """
        try:
            content = json.loads(value)
            content = _LAYOUTS.migrated(_number(content["layout"]), content)
            applied = {str(topic): _number(last) for topic, last in content["applied"].items()}
            return cls(applied, _number(content["watermark_ms"]), _number(content["swept_month"]))
        except UnreadableRowError:
            raise
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise UnreadableRowError(f"position that cannot be read: {error!r}") from error


def _number(value: object) -> int:
    if type(value) is not int:
        raise TypeError(f"{value!r} is no whole number")
    return value
