"""What a chaos run found, scenario by scenario and in sum."""

from dataclasses import dataclass, field
from typing import Any

from pipeline.dev.chaos.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Outcome:
    """One scenario: what was broken, and what the oracle says; ``error`` if it broke off."""

    scenario: str
    seed: int
    seconds: float
    kills: int
    rebalances: int
    broker_faults: int
    exits: dict[int, int]
    """Processes by exit status; those that were killed have 247."""
    points: tuple[str, ...]
    """The failpoints where a process died."""
    verdict: Verdict | None
    error: str | None = None

    @property
    def holds(self) -> bool:
        """Whether it ran to its end and nothing is wrong."""
        return self.error is None and self.verdict is not None and self.verdict.holds

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        found = self.verdict.as_json() if self.verdict else {}
        return {
            "scenario": self.scenario,
            "seed": self.seed,
            "holds": self.holds,
            "error": self.error,
            "seconds": round(self.seconds, 1),
            "kills": self.kills,
            "rebalances": self.rebalances,
            "broker_faults": self.broker_faults,
            "exits": {str(status): n for status, n in sorted(self.exits.items())},
            **found,
        }


@dataclass(slots=True)
class Report:
    """A whole run."""

    seed: int
    outcomes: list[Outcome] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    """Scenarios that this machine cannot run, and why."""
    seconds: float = 0.0

    @property
    def kills(self) -> int:
        """Processes that were seen to end by SIGKILL."""
        return sum(outcome.kills for outcome in self.outcomes)

    @property
    def rebalances(self) -> int:
        """Generations of groups that got members."""
        return sum(outcome.rebalances for outcome in self.outcomes)

    @property
    def points(self) -> set[str]:
        """Failpoints where a process died."""
        return {point for outcome in self.outcomes for point in outcome.points}

    @property
    def holds(self) -> bool:
        """Whether something ran and all of it holds."""
        return bool(self.outcomes) and all(outcome.holds for outcome in self.outcomes)

    def as_json(self) -> dict[str, Any]:
        """For programs; counts are sums over all scenarios."""
        verdicts = [o.verdict for o in self.outcomes if o.verdict is not None]
        counted = (
            *("events", "lost", "doubled", "gaps", "rows_compared", "rows_differing"),
            *("records_compared", "records_differing", "disorders"),
        )
        return {
            "seed": self.seed,
            "holds": self.holds,
            "seconds": round(self.seconds, 1),
            "kills": self.kills,
            "rebalances": self.rebalances,
            "broker_faults": sum(o.broker_faults for o in self.outcomes),
            **{name: sum(getattr(v, name) for v in verdicts) for name in counted},
            "failpoints": sorted(self.points),
            "skipped": self.skipped,
            "scenarios": [outcome.as_json() for outcome in self.outcomes],
        }
