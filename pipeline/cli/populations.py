"""Simulated populations for training and testing models, folded as the stream would."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipeline.dev.simulator import Spec, simulate
from pipeline.training.history import OBSERVED_TOPICS, Folded, Observed, fold_history

PEOPLE_AT_ONCE = 10_000
"""Larger populations are simulated in parts, to bound memory; nobody has links across them."""
MONTHS = 24
"""The span of history: as far as monthly tiles reach."""
END = "2026-11-01"
"""The day histories end; outcomes are those of the twelve months after it."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much to simulate."""

    people: int
    months: int = MONTHS
    end: str = END

    @property
    def end_ms(self) -> int:
        """The first millisecond of the end day."""
        return int(np.datetime64(self.end, "ms").astype(np.int64))


def populations(size: Size, seed: int) -> Iterator[Folded]:
    """Simulate and fold people in parts; equal sizes and seeds give equal ones."""
    parts = -(-size.people // PEOPLE_AT_ONCE)
    seeds = np.random.SeedSequence(seed).generate_state(parts)
    for part in range(parts):
        people = min(PEOPLE_AT_ONCE, size.people - part * PEOPLE_AT_ONCE)
        yield _fold(Spec(people, size.months, size.end_ms, seed=int(seeds[part])))


def _fold(spec: Spec) -> Folded:
    history = simulate(spec)
    return fold_history(
        Observed(
            users=history.users,
            events={topic.name: history.as_columns(topic) for topic in OBSERVED_TOPICS},
            end_ms=spec.end_ms,
            defaulted=history.default_12m,
            propensity=history.propensity,
        )
    )
