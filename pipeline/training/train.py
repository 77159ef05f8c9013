"""Trains a model: fits, tells everybody their links' scores, fits again."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

import numpy as np

from pipeline.factors.vocabulary import Factor
from pipeline.scoring.model import Model
from pipeline.training.evaluation import Evaluation, evaluate
from pipeline.training.fit import Plan, fit_model, with_facts
from pipeline.training.history import Folded
from pipeline.training.sample import Sample, concatenate, split

HELD_OUT: Final = 0.3
SOCIAL_ROUNDS: Final = 3
"""Base scores move by less than a point after the second round."""
_DIGITS: Final = 4


@dataclass(frozen=True, slots=True)
class Trained:
    """A model with its training facts, and how it does on people it was not fitted on."""

    model: Model
    held_out: Evaluation


def train(populations: Sequence[Folded], plan: Plan, seed: int) -> Trained:
    """Fit a plan to populations; the same populations, plan and seed give the same model.

    What a link's score says about a person cannot be known before there are scores, so the
    first round fits without the social factor. Its base scores are told to the links, and
    the whole card is fitted; that is repeated with the new card's base scores.

    Args:
        populations: Folded histories; their peer scores change in place.
        plan: What to fit under which name.
        seed: Decides who is held out.
    """
    model = fit_model(_fit_part(populations, seed), _without_social(plan))
    for _ in range(SOCIAL_ROUNDS if plan.template.shares[Factor.SOCIAL] else 0):
        for each in populations:
            each.tell_base_scores(model)
        model = fit_model(_fit_part(populations, seed), plan)
    held_out = evaluate(split(_sample(populations), HELD_OUT, seed)[1], model)
    facts = {
        "seed": seed,
        "held_out": {
            key: round(value, _DIGITS) if isinstance(value, float) else value
            for key, value in asdict(replace(held_out, calibration={})).items()
            if key != "calibration"
        },
        "calibration": {
            band: {"n": each.n} | _known(predicted=each.predicted, observed=each.observed)
            for band, each in held_out.calibration.items()
        },
    }
    return Trained(with_facts(model, facts), held_out)


def _sample(populations: Sequence[Folded]) -> Sample:
    return concatenate([each.sample() for each in populations])


def _fit_part(populations: Sequence[Folded], seed: int) -> Sample:
    return split(_sample(populations), HELD_OUT, seed)[0]


def _without_social(plan: Plan) -> Plan:
    left = {**plan.template.shares, Factor.SOCIAL: 0.0}
    total = float(np.sum(list(left.values())))
    shares = {factor: share / total for factor, share in left.items()}
    return replace(plan, template=replace(plan.template, shares=shares))


def _known(**figures: float | None) -> dict[str, float]:
    """Figures that exist; TOML has no null."""
    return {key: round(value, _DIGITS) for key, value in figures.items() if value is not None}
