"""What one batch of one partition writes, all in one transaction."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.factors.state import BatchState
from pipeline.streaming.journal import Kind
from pipeline.streaming.position import Position
from pipeline.streaming.records import Entry, Header


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An input record that could not be used, with the reason in its headers."""

    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...]
    topic: str
    reason: str


@dataclass(slots=True)
class Output:
    """Records to write, and the state to make visible once they are committed.

    ``changed`` are indexes into ``state.users``; ``erased`` people leave the store before
    ``changed`` ones enter, as somebody can be erased and come back in one batch.
    """

    kind: Kind
    state: BatchState
    position: Position
    changed: list[int] = field(default_factory=list)
    erased: list[str] = field(default_factory=list)
    changelog: list[Entry] = field(default_factory=list)
    scores: list[Entry] = field(default_factory=list)
    score_changes: list[Entry] = field(default_factory=list)
    peer_signals: list[Entry] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    refused: dict[str, list[int]] = field(default_factory=dict)
    """Offsets by topic of the dead letters that no rule of the fold made."""
    outcomes: dict[str, dict[str, int]] = field(default_factory=dict)
    """Events by topic and outcome, for the metrics."""
    published_scores: NDArray[np.integer] = field(default_factory=lambda: np.empty(0, np.uint16))
    consent_changes: bool = False

    @property
    def records(self) -> int:
        """The number of records to write, the position in changelog and journal included."""
        return (
            len(self.changelog)
            + len(self.scores)
            + len(self.score_changes)
            + len(self.peer_signals)
            + len(self.dead_letters)
            + 2
        )
