"""What is published of one person: worked out naively, and held against the records."""

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pipeline.dev.chaos.readings import Fields
from pipeline.factors.vocabulary import Factor, Scope
from pipeline.reference.person import Person
from pipeline.reference.score import Card, Score
from pipeline.reference.score import score as naive_score

_BANDS = ("POOR", "FAIR", "GOOD", "VERY_GOOD", "EXCELLENT")
_LACKS = ((1, "ACTIVE_MONTHS"), (2, "CREDIT_OR_OBLIGATION"))


class Told(NamedTuple):
    """What a score record says; None stands for one that takes everything back."""

    score: Score
    scopes: frozenset[Scope]


@dataclass(slots=True)
class Step:
    """One publication; one that is not ``certain`` may be left out."""

    told: Told | None
    certain: bool


@dataclass(slots=True)
class History:
    """The publications of one person, in order."""

    steps: list[Step] = field(default_factory=list)

    def erase(self) -> None:
        """Everything is taken back."""
        self.steps.append(Step(None, certain=True))

    def score(self, person: Person, month: int, card: Card, *, certain: bool) -> None:
        """The person is scored: published if it says something else than the last time."""
        told = told_of(person, month, card)
        if told is None:
            return
        last = self.steps[-1] if self.steps else None
        if last is not None and last.told == told:
            last.certain |= certain
        else:
            self.steps.append(Step(told, certain))

    def differs(self, records: list[Fields | None], model: str) -> str | None:
        """How the records of a person differ from these steps; None: they do not.

        Args:
            records: The fields of each, None where it takes everything back.
            model: The model's name.
        """
        at, last = 0, None
        for step in self.steps:
            if step.told is not None and step.told == last:
                continue
            why = "is missing" if at == len(records) else differs(records[at], step.told, model)
            if why is None:
                at, last = at + 1, step.told
            elif step.certain:
                return f"publication {at + 1} {why}"
        if at < len(records):
            return f"{len(records) - at} publications more than are due"
        return None


def told_of(person: Person, month: int, card: Card) -> Told | None:
    """What is to be said of a person; None of one who is not enrolled."""
    if not person.in_force(Scope.SCORING):
        return None
    scopes = frozenset(scope for scope in person.grants if person.in_force(scope))
    return Told(naive_score(person, month, card), scopes)


def differs(fields: Fields | None, told: Told | None, model: str) -> str | None:
    """How a record differs from what must be told; None: it does not."""
    if fields is None or told is None:
        if fields is None and told is None:
            return None
        return "stands, must be taken back" if told is None else "is taken back or not there"
    wanted = _wanted(told, model)
    found: Fields = {name: fields.get(name) for name in wanted}
    found["points"], found["consented"] = (
        {factor["factor"]: factor[name] for factor in fields["factors"]}
        for name in ("points", "consented")
    )
    wrong = [name for name, value in wanted.items() if not _is_same(found[name], value)]
    if not wrong:
        return None
    return "; ".join(f"{name} is {found[name]!r}, must be {wanted[name]!r}" for name in wrong)


def _wanted(told: Told, model: str) -> dict[str, Any]:
    score = told.score
    points = score.factor_points or (0,) * len(Factor)
    return {
        "status": "THIN_FILE" if score.missing else "SCORED",
        "score": score.score,
        "band": None if score.band is None else _BANDS[score.band],
        "base_score": score.base_score,
        "probability_of_default": score.probability_of_default,
        "reasons": list(score.reasons),
        "missing": [name for bit, name in _LACKS if score.missing & bit],
        "model": model,
        "points": {factor.name: points[factor] for factor in Factor},
        "consented": {factor.name: factor.scope in told.scopes for factor in Factor},
    }


def _is_same(found: object, wanted: object) -> bool:
    if isinstance(found, float) and isinstance(wanted, float):
        return math.isclose(found, wanted, rel_tol=1e-9)
    return found == wanted
