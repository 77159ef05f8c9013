"""Where a partition's state stands: kept with the state, in the same transaction.

Kafka's committed group offsets are only a hint where to start reading; this is the truth.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from pipeline.streaming.layouts import Layouts, UnreadableRowError


def _from_1(content: dict[str, Any]) -> dict[str, Any]:
    """To layout 2, which says of which topic offsets are, where that is known."""
    return content | {"topic_ids": {}}


def _from_2(content: dict[str, Any]) -> dict[str, Any]:
    """To layout 3, which says who writes beside the partition's own producer: nobody did."""
    return content | {"transactional_id": ""}


LAYOUTS: Layouts[dict[str, Any]] = Layouts("position", 3, {1: _from_1, 2: _from_2})


@dataclass(slots=True)
class Position:
    """Applied offsets and event time of one partition.

    ``applied`` maps a topic's name without prefix to its last applied offset;
    ``watermark_ms`` is the newest event time applied; ``swept_month`` the month (since
    1970) for which everybody has been re-scored; ``topic_ids`` says which topic it was that
    offsets are of, where one may be deleted and made anew under its name.

    ``transactional_id``, without the prefix, is of the producer that may write the partition beside
    its own: what several partitions have in common. Empty: none may. It says nothing of the state,
    and two positions that differ in it alone are the same.
    """

    applied: dict[str, int] = field(default_factory=dict)
    watermark_ms: int = 0
    swept_month: int = 0
    topic_ids: dict[str, str] = field(default_factory=dict)
    transactional_id: str = field(default="", compare=False)

    def next_offset(self, topic: str) -> int:
        """The first offset of ``topic`` not yet applied."""
        return self.applied.get(topic, -1) + 1

    def copy(self) -> "Position":
        """An independent copy."""
        applied, topic_ids = dict(self.applied), dict(self.topic_ids)
        return Position(
            applied, self.watermark_ms, self.swept_month, topic_ids, self.transactional_id
        )

    def encode(self) -> bytes:
        """The changelog value."""
        return json.dumps(
            {
                "layout": LAYOUTS.current,
                "applied": self.applied,
                "watermark_ms": self.watermark_ms,
                "swept_month": self.swept_month,
                "topic_ids": self.topic_ids,
                "transactional_id": self.transactional_id,
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
            content = LAYOUTS.migrated(_number(content["layout"]), content)
            applied = {str(topic): _number(last) for topic, last in content["applied"].items()}
            topic_ids = {str(topic): str(made) for topic, made in content["topic_ids"].items()}
            watermark_ms, swept = _number(content["watermark_ms"]), _number(content["swept_month"])
            return cls(applied, watermark_ms, swept, topic_ids, str(content["transactional_id"]))
        except UnreadableRowError:
            raise
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise UnreadableRowError(f"position that cannot be read: {error!r}") from error


def _number(value: object) -> int:
    if type(value) is not int:
        raise TypeError(f"{value!r} is no whole number")
    return value
