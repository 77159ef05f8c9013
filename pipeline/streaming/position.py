"""Where a partition's state stands: kept with the state, in the same transaction.

Kafka's committed group offsets are only a hint where to start reading; this is the truth.
"""

import json
from dataclasses import dataclass, field


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
                "layout": 1,
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
            ValueError: The value is of a layout this program does not know.
        """
        content = json.loads(value)
        if content.get("layout") != 1:
            message = f"position of layout {content.get('layout')!r}; this program knows 1"
            raise ValueError(message)
        return cls(content["applied"], content["watermark_ms"], content["swept_month"])
