"""The journal of a partition: every transaction of its lane, one record each.

It says how the inputs were cut into transactions. The changelog says so too, but is compacted
and keeps the newest position only; with the journal and the inputs a fold can be done again.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate, pairwise

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
    """One transaction: what it was for, and the position it committed.

    ``refused`` are offsets by topic of records it could not read and put aside: whether it could
    depended on the schemas registered by then, too.
    """

    kind: Kind
    position: Position
    refused: Mapping[str, Sequence[int]] = field(default_factory=dict)


def encode(
    kind: Kind, position: bytes, refused: Mapping[str, Sequence[int]] | None = None
) -> bytes:
    """The journal's value for an encoded position: the same JSON, the kind, and what was refused.

    Args:
        kind: What the transaction was for.
        position: As it was committed.
        refused: Offsets by topic, ascending; written as their distances from one to the next.

    >>> entry = decode(encode(Kind.BATCH, Position({"payments": 7}).encode(), {"payments": [4, 6]}))
    >>> entry.position.applied, entry.refused
    ({'payments': 7}, {'payments': [4, 6]})
    """
    more = b""
    if refused:
        steps = {name: _steps(offsets) for name, offsets in refused.items()}
        more = b'"refused": %s, ' % json.dumps(steps, separators=(",", ":")).encode()
    return b'{"kind": "%s", %s%s' % (kind.encode(), more, position[1:])


def _steps(offsets: Sequence[int]) -> list[int]:
    return [b - a for a, b in pairwise((0, *offsets))]


def decode(value: bytes) -> Entry:
    """Read a journal value.

    Raises:
        ValueError: The kind or the position's layout is not known to this program.
    """
    content = json.loads(value)
    steps = content.get("refused", {})
    refused = {name: list(accumulate(distances)) for name, distances in steps.items()}
    return Entry(Kind(content["kind"]), Position.decode(value), refused)
