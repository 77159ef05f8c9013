"""Points to double the odds: the one scale between scores and probabilities of default.

``score = anchor_score + pdo / ln 2 * (ln odds - ln anchor_odds)``, with odds of good to bad
(Siddiqi, Credit Risk Scorecards, 2006, ch. 6).
"""

from dataclasses import dataclass
from math import log
from typing import overload

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scaling:
    """A scale: ``anchor_score`` at ``anchor_odds`` good to one bad; ``pdo`` points double them."""

    anchor_score: float = 600.0
    anchor_odds: float = 19.0
    pdo: float = 50.0

    def __post_init__(self) -> None:
        """Refuse a scale that is none."""
        if not (self.anchor_odds > 0 and self.pdo > 0):
            msg = f"anchor_odds and pdo must be above 0, got {self.anchor_odds} and {self.pdo}"
            raise ValueError(msg)

    @property
    def points_per_log_odds(self) -> float:
        """Points for one unit of log odds, the field's "factor"."""
        return self.pdo / log(2)

    @property
    def offset(self) -> float:
        """The score at even odds."""
        return self.anchor_score - self.points_per_log_odds * log(self.anchor_odds)

    @overload
    def score(self, log_odds: float) -> float: ...
    @overload
    def score(self, log_odds: Floats) -> Floats: ...
    def score(self, log_odds: float | Floats) -> float | Floats:
        """The unrounded score at log odds of good to bad."""
        return self.offset + self.points_per_log_odds * log_odds

    def log_odds(self, score: Floats) -> Floats:
        """The log odds of good to bad at scores; the inverse of ``score``."""
        return (score - self.offset) / self.points_per_log_odds

    def probability_of_default(self, score: Floats) -> Floats:
        """The probability of default at scores.

        >>> Scaling().probability_of_default(np.array([600.0, 650.0])).round(4).tolist()
        [0.05, 0.0256]
        """
        return 1 / (1 + np.exp(self.log_odds(score)))

    def score_of_probability(self, probability: Floats) -> Floats:
        """The unrounded score at probabilities of default in (0, 1)."""
        return self.offset + self.points_per_log_odds * np.log((1 - probability) / probability)
