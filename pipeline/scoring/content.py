"""What a model file says, before it is checked and turned into tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.errors import SesameError
from pipeline.scoring.attributes import ScoredCharacteristic
from pipeline.scoring.reasons import Reason
from pipeline.scoring.scaling import Scaling


class ModelError(SesameError):
    """A model file that must not be used, and why."""


@dataclass(frozen=True, slots=True)
class ModelContent:
    """A model as data; ``training`` holds the facts of the fit, by name."""

    id: str
    version: int
    description: str
    base: int
    scaling: Scaling
    characteristics: tuple[ScoredCharacteristic, ...]
    reasons: tuple[Reason, ...]
    training: Mapping[str, Any]

    @property
    def lowest_score(self) -> int:
        """The score of a person in the worst attribute of every characteristic."""
        return self.base + sum(each.min_points for each in self.characteristics)

    @property
    def highest_score(self) -> int:
        """The score of a person in the best attribute of every characteristic."""
        return self.base + sum(each.max_points for each in self.characteristics)
