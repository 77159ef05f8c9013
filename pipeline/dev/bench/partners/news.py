"""Score records of many people, each so different from the last that every partner sees it.

The scores are those of simulated people, whole records under other names. From one round to
the next a person goes from above every partner's threshold to below every one of them, or
back: the answer changes even for a partner who is shown nothing else.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np

from pipeline import topics
from pipeline.codec.outputs import encode_scores
from pipeline.codec.registry import SchemaRegistry
from pipeline.dev.bench.workload import END_MS
from pipeline.dev.simulator.bad import Sent
from pipeline.errors import RefusedError
from pipeline.factors.columns import Int64
from pipeline.scoring.model import Model
from pipeline.scoring.scorecard import ScoreColumns, Status

_PEOPLE_A_CHUNK = 10_000
_STRIDE = 7_919
"""A prime: a person's scores of two rounds are of different people."""


@dataclass(frozen=True, slots=True)
class News:
    """Scores to choose from: the first ``above`` admit everywhere, the others nowhere."""

    scores: ScoreColumns
    above: int
    model: Model

    def chosen(self, people: int, number: int) -> Int64:
        """Which score each person has in a round, counted from 1; shape (people,)."""
        person = np.arange(people)
        turn = person + number * _STRIDE
        below = len(self.scores.score) - self.above
        is_above = (person + number) % 2 == 0
        return np.where(is_above, turn % self.above, self.above + turn % below)

    def records(
        self, users: Sequence[str], number: int, registry: SchemaRegistry
    ) -> Iterator[Sent]:
        """A round's record of everybody, in an order of its own."""
        chosen = self.chosen(len(users), number)
        order = np.random.default_rng(number).permutation(len(users))
        for start in range(0, len(order), _PEOPLE_A_CHUNK):
            people = order[start : start + _PEOPLE_A_CHUNK]
            names = [users[i] for i in people.tolist()]
            values = encode_scores(
                names,
                pick(self.scores, chosen[people]),
                self.model,
                as_of_ms=END_MS,
                computed_at_ms=END_MS + number,
                sequences=np.full(len(people), number),
                registry=registry,
            )
            for name, value in zip(names, values, strict=True):
                yield Sent(topics.SCORES, name.encode(), value)


def news(scores: ScoreColumns, thresholds: Sequence[int], model: Model) -> News:
    """The scores that are above or below all thresholds; thin files are left out.

    Raises:
        RefusedError: There are too few people to have both.
    """
    above = np.flatnonzero(scores.score >= max(thresholds))
    scored = scores.status == Status.SCORED
    below = np.flatnonzero(scored & (scores.score < min(thresholds)))
    if not len(above) or not len(below):
        raise RefusedError(
            f"of {len(scores.score)} simulated people {len(above)} score {max(thresholds)} or "
            f"more and {len(below)} below {min(thresholds)}; take more people"
        )
    return News(pick(scores, np.concatenate((above, below))), len(above), model)


def pick(scores: ScoreColumns, people: Int64) -> ScoreColumns:
    """The scores of the people at these places, which may be named more than once."""
    return ScoreColumns(**{f.name: getattr(scores, f.name)[people] for f in fields(scores)})
