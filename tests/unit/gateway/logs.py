"""Topics that are lists."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline import topics


@dataclass(frozen=True)
class Written:
    """A record of a topic."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


def is_input(topic: str) -> bool:
    """Whether lanes of the gateway read a topic."""
    return topic in {t.name for t in topics.GATEWAY_INPUTS} or topic.endswith(
        (".outcomes", ".enquiries")
    )


def compacted(log: Sequence[Written]) -> list[Written]:
    """The last record of each key, in order."""
    last = {record.key: record for record in log}
    return sorted(last.values(), key=lambda record: record.offset)


def band_of(points: int) -> str:
    """The band of a score."""
    floors = [(700, "EXCELLENT"), (650, "VERY_GOOD"), (600, "GOOD"), (550, "FAIR"), (350, "POOR")]
    return next(name for floor, name in floors if points >= floor)
