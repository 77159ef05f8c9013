"""What was accepted, and whether today's counts keep to it.

The figure of a stage is its instructions for the batch, over those of the yardstick.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.dev.guard.stages import YARDSTICK

ACCEPTED = Path(__file__).with_name("accepted.json")
TOLERANCE = 0.05
"""Runs beside other work differ by some thousandths at most."""


@dataclass(frozen=True, slots=True)
class Change:
    """A stage's figure as it is, and as it was accepted; None where it is new or gone."""

    stage: str
    accepted: float | None
    found: float | None

    @property
    def by(self) -> float:
        """How much more it costs, as a share; infinite where nothing was accepted."""
        if self.accepted is None or self.found is None:
            return float("inf")
        return self.found / self.accepted - 1

    @property
    def trips(self) -> bool:
        """Whether it has to be looked at: it costs more than accepted, or is not the same."""
        return self.by > TOLERANCE

    def __str__(self) -> str:
        """A line for people."""
        if self.accepted is None or self.found is None:
            return f"{self.stage}: {'new' if self.accepted is None else 'gone'}"
        verdict = "more than accepted" if self.trips else "kept"
        if self.by < -TOLERANCE:
            verdict = "less: accept it, so that it is held"
        return (
            f"{self.stage}: {self.found:.6g}, accepted {self.accepted:.6g}, "
            f"{self.by:+.2%}: {verdict}"
        )


def figures(counted: Mapping[str, float]) -> dict[str, float]:
    """The figures of counts: all stages over the yardstick, and their sum."""
    work = {name: n / counted[YARDSTICK] for name, n in counted.items() if name != YARDSTICK}
    return work | {"all": sum(work.values())}


def changes(found: Mapping[str, float], accepted: Mapping[str, float]) -> Iterator[Change]:
    """Every stage that is or was."""
    for stage in dict.fromkeys([*accepted, *found]):
        yield Change(stage, accepted.get(stage), found.get(stage))


def load() -> dict[str, float]:
    """What was accepted."""
    kept: dict[str, float] = json.loads(ACCEPTED.read_text())
    return kept


def save(found: Mapping[str, float]) -> None:
    """Accept figures."""
    ACCEPTED.write_text(json.dumps(dict(found), indent=2) + "\n")
