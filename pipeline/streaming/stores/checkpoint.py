"""How far in its changelog a store on disk is, and whether that is still worth anything.

Wherever a checkpoint does not fit, it is dropped and the changelog is read from its beginning:
it is the truth, the checkpoint a short cut.
"""

import json
from dataclasses import dataclass

from pipeline.errors import SesameError
from pipeline.factors.layout import (
    CONTRACTS_LAYOUT,
    FACTOR_ROW_LAYOUT,
    LEDGER_ROW_LAYOUT,
    LINKS_LAYOUT,
)
from pipeline.streaming.position import Position
from pipeline.topics import Topic

FORM = 1
"""Of what lies on disk; raised with every change of it."""
LAYOUTS = (FACTOR_ROW_LAYOUT, LEDGER_ROW_LAYOUT, CONTRACTS_LAYOUT, LINKS_LAYOUT)


class StoreError(SesameError):
    """A store on disk cannot be used or has failed; the message names its folder."""


@dataclass(frozen=True, slots=True)
class Changelog:
    """One partition's changelog as it is when the partition is taken over."""

    topic: Topic
    partition: int
    generation: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Identity:
    """Which changelog it is, and for how long it tells that a key is gone.

    ``tombstone_ms`` None: that may not be seen.
    """

    topic_id: str
    tombstone_ms: int | None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All that a changelog says before ``offset``, and when that was all of it.

    ``people`` and ``outdated`` are how many the store has. ``unpurged`` says that files may
    still hold what was removed.
    """

    topic_id: str
    generation: int
    offset: int
    at_ms: int
    position: Position | None
    people: int = 0
    outdated: int = 0
    unpurged: bool = False

    def encode(self) -> bytes:
        """As `decode` reads it."""
        content = {
            "form": FORM,
            "layouts": LAYOUTS,
            "topic_id": self.topic_id,
            "generation": self.generation,
            "offset": self.offset,
            "at_ms": self.at_ms,
            "position": None if self.position is None else self.position.encode().decode(),
            "people": self.people,
            "outdated": self.outdated,
            "unpurged": self.unpurged,
        }
        return json.dumps(content).encode()


def decode(value: bytes) -> Checkpoint | None:
    """Read a checkpoint; None: another program's, whose rows are not to be read as ours."""
    try:
        content = json.loads(value)
        if (content["form"], tuple(content["layouts"])) != (FORM, LAYOUTS):
            return None
        position = content["position"]
        return Checkpoint(
            topic_id=str(content["topic_id"]),
            generation=int(content["generation"]),
            offset=int(content["offset"]),
            at_ms=int(content["at_ms"]),
            position=None if position is None else Position.decode(position.encode()),
            people=int(content["people"]),
            outdated=int(content["outdated"]),
            unpurged=bool(content["unpurged"]),
        )
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def misfit(
    checkpoint: Checkpoint, changelog: Changelog, identity: Identity, now_ms: int
) -> str | None:
    """Why a changelog cannot be read on from a checkpoint; None: it can.

    Compaction drops a tombstone some time after it was written. Who has not read it by then
    would keep the person, so half of that time is the oldest that a checkpoint may be.
    """
    if checkpoint.generation != changelog.generation:
        return f"it is of generation {checkpoint.generation}, now it is {changelog.generation}"
    if checkpoint.topic_id != identity.topic_id:
        return "the changelog was made anew"
    if not changelog.start <= checkpoint.offset <= changelog.end:
        return (
            f"it is at {checkpoint.offset}, and the changelog goes from {changelog.start} to "
            f"{changelog.end}"
        )
    return too_old(checkpoint.at_ms, identity, now_ms)


def too_old(at_ms: int, identity: Identity, now_ms: int) -> str | None:
    """Why compaction may have taken tombstones since a moment; None: it has not."""
    if identity.tombstone_ms is None:
        return "how long tombstones are kept may not be seen: `sesame topics apply` gives the right"
    age_ms = now_ms - at_ms
    if not 0 <= age_ms <= identity.tombstone_ms // 2:
        return f"it is {age_ms // 1000} s old, and tombstones are kept {identity.tombstone_ms} ms"
    return None
