"""The journal of a partition: every transaction of its lane, one record each.

It says how the inputs were cut into transactions. The changelog says so too, but is compacted
and keeps the newest position only; with the journal and the inputs a fold can be done again.
"""

import json
from dataclasses import dataclass
from enum import StrEnum

from pipeline.streaming.position import Position

KEY = b"p"


class Kind(StrEnum):
    """What a transaction was for."""

    BATCH = "BATCH"
    """Records that had arrived: from the former position to this one."""
    SWEEP = "SWEEP"
    """People scored again because time has passed."""
    CONFIRM = "CONFIRM"
    """Nothing: the lane has made sure that the partition is still its own."""
    SWITCH = "SWITCH"
    """From here on the state is that of another generation."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One transaction: what it was for, and the position it committed."""

    kind: Kind
    position: Position


def encode(kind: Kind, position: bytes) -> bytes:
    """The journal's value for an encoded position: the same JSON, and the kind.

    >>> decode(encode(Kind.BATCH, Position({"payments": 7}).encode())).position.applied
    {'payments': 7}
    """
    return b'{"kind": "%s", %s' % (kind.encode(), position[1:])


def decode(value: bytes) -> Entry:
    """Read a journal value.

    Raises:
        ValueError: The kind or the position's layout is not known to this program.
    """
    return Entry(Kind(json.loads(value)["kind"]), Position.decode(value))
