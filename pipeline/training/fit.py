"""Fits one card to one sample."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.factors.characteristics import CHARACTERISTICS
from pipeline.factors.vocabulary import Factor
from pipeline.scoring.attributes import ScoredCharacteristic
from pipeline.scoring.content import ModelContent
from pipeline.scoring.model import Model
from pipeline.scoring.reasons import Reason
from pipeline.scoring.scaling import Scaling
from pipeline.scoring.scorecard import score_values
from pipeline.training import validation
from pipeline.training.binning import Binned, bin_characteristic
from pipeline.training.points import Card, Weighted, expected_points, make_card
from pipeline.training.sample import Sample
from pipeline.training.template import CharacteristicTemplate, Template
from pipeline.training.weights import fit_logistic

RIDGE: Final = 5.0
"""Shares weight among characteristics that say the same, instead of giving all to one."""
POINTS_MIN: Final = 4
"""A characteristic whose best attribute would give fewer points is left out."""
STABILITY_CLASSES: Final = 10
UNSEALED: Final = "0" * 64
"""The hash of a model that is not in a file yet."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is fitted under which name."""

    id: str
    version: int
    template: Template
    scaling: Scaling


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A characteristic that may enter the card, on the people it is fitted on."""

    template: CharacteristicTemplate
    factor: Factor
    binned: Binned
    attributes: NDArray[np.intp]  # (n,)
    shared: NDArray[np.bool_]  # (n,)

    def woe(self) -> NDArray[np.float64]:
        """Evidence by person; who does not share gets the mean of those who do."""
        own = np.array(self.binned.woe)[self.attributes]
        return np.where(self.shared, own, own[self.shared].mean() if self.shared.any() else 0.0)

    def weighted(self, weight: float) -> Weighted:
        """With its weight in the fit."""
        return Weighted(
            self.factor, weight, np.array(self.binned.woe), self.attributes, self.shared
        )


def fit_model(sample: Sample, plan: Plan) -> Model:
    """Fit bins, weights and points on the people of a sample who can be scored.

    Characteristics that would give next to no points are left out one after the other, the
    rest fitted again: a person's data should not be looked at for nothing.

    Raises:
        ValueError: Nothing in a factor with a share tells goods from bads.
    """
    people = sample.scoreable()
    good = ~people.defaulted
    shares = dict(plan.template.shares)
    left = _candidates(plan.template, people)
    while True:
        woe = np.column_stack([each.woe() for each in left])
        fit = fit_logistic(woe, good, RIDGE)
        weighted = [
            each.weighted(float(weight)) for each, weight in zip(left, fit.weights, strict=True)
        ]
        expected = expected_points(weighted, shares)
        if min(expected) >= POINTS_MIN:
            break
        del left[int(np.argmin(expected))]
    card = make_card(weighted, shares, good, plan.scaling)
    model = Model(_content(plan, left, card, {}), UNSEALED)
    facts = {
        "people": len(people),
        "defaults": int(people.defaulted.sum()),
        "intercept": round(card.intercept, 6),
        "slope": round(card.slope, 6),
        "capped_low": card.capped_low,
        "capped_high": card.capped_high,
        "auc": _auc(_scores(people, model), people),
        "auc_without_shares": _auc(woe @ fit.weights, people),
        **_distribution(_scores(people, model)),
    }
    return with_facts(model, facts)


def with_facts(model: Model, facts: Mapping[str, Any]) -> Model:
    """The model with further training facts."""
    return Model(replace(model.content, training={**model.content.training, **facts}), UNSEALED)


def _candidates(template: Template, people: Sample) -> list[_Candidate]:
    """Bin every characteristic of a factor with a share, grouped by factor."""
    factors = {each.name: each.factor for each in CHARACTERISTICS}
    candidates = []
    for each in sorted(template.characteristics, key=lambda each: factors[each.name]):
        factor = factors[each.name]
        if template.shares[factor]:
            values, shared = people.column(each.name), people.shares(factor)
            binned = bin_characteristic(each, values[shared], people.defaulted[shared])
            attributes = binned.attributes_of(values)
            candidates.append(_Candidate(each, factor, binned, attributes, shared))
    return candidates


def _content(
    plan: Plan, chosen: list[_Candidate], card: Card, facts: Mapping[str, Any]
) -> ModelContent:
    reasons: dict[str, Reason] = {}
    for each in chosen:
        for reason in (each.template.reason, each.template.missing_reason):
            reasons[reason.code] = reason
    return ModelContent(
        id=plan.id,
        version=plan.version,
        description=plan.template.description,
        base=card.base,
        scaling=plan.scaling,
        characteristics=tuple(
            _scored(each, points, neutral)
            for each, points, neutral in zip(chosen, card.points, card.neutral, strict=True)
        ),
        reasons=tuple(reasons.values()),
        training=facts,
    )


def _scored(each: _Candidate, points: tuple[int, ...], neutral: int) -> ScoredCharacteristic:
    """Join neighbouring attributes that got the same points, as they differ in nothing."""
    known, edges = points[:-1], each.binned.edges
    kept = [at for at in range(len(edges)) if known[at] != known[at + 1]]
    return ScoredCharacteristic(
        name=each.template.name,
        factor=each.factor,
        edges=tuple(edges[at] for at in kept),
        points=(*(known[at] for at in kept), known[-1]),
        missing_points=points[-1],
        neutral_points=neutral,
        missing_label=each.template.missing_label,
        reason=each.template.reason.code,
        missing_reason=each.template.missing_reason.code,
    )


def _scores(people: Sample, model: Model) -> NDArray[np.float64]:
    columns = score_values(people.values, people.consent_mask, people.missing, model)
    return columns.score.astype(np.float64)


def _auc(scores: NDArray[np.float64], people: Sample) -> float:
    return round(validation.auc(scores, people.defaulted), 4)


def _distribution(scores: NDArray[np.float64]) -> dict[str, list[float]]:
    """The scores the stability index compares later samples with: ten classes of equal size."""
    quantiles = np.quantile(scores, np.arange(1, STABILITY_CLASSES) / STABILITY_CLASSES)
    edges = sorted({float(np.ceil(quantile)) for quantile in quantiles})
    return {
        "score_edges": edges,
        "score_shares": [round(share, 6) for share in validation.shares(scores, edges)],
    }
