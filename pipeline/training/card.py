"""The model card: what a model is, in Markdown, from its file alone."""

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.factors.vocabulary import Factor
from pipeline.scoring.attributes import ScoredCharacteristic
from pipeline.scoring.bands import Band
from pipeline.scoring.model import Model


def card(model: Model) -> str:
    """Render a model's card."""
    return "\n".join([*_head(model), *_factors(model), *_training(model), *_scorecard(model), ""])


def _head(model: Model) -> Iterator[str]:
    content, scale = model.content, model.scaling
    yield f"# Model {model.name}"
    yield ""
    yield content.description
    yield ""
    yield f"- Score = {model.base} + points, from {content.lowest_score} to {content.highest_score}"
    yield (
        f"- {scale.anchor_score:g} points are odds of {scale.anchor_odds:g} good to 1 bad; "
        f"{scale.pdo:g} points double the odds"
    )
    yield f"- SHA-256 of the file's content: `{model.sha256}`"


def _factors(model: Model) -> Iterator[str]:
    total = int((model.max_points - model.min_points).sum())
    yield from ("", "## Factors", "")
    yield "| factor | points | share of the range | points if not shared |"
    yield "| --- | --- | --- | --- |"
    for factor in Factor:
        low, high = int(model.min_points[factor]), int(model.max_points[factor])
        share = (high - low) / total
        yield f"| {factor.name} | {low}-{high} | {share:.1%} | {model.neutral_points[factor]} |"


def _training(model: Model) -> Iterator[str]:
    facts: Mapping[str, Any] = model.content.training
    yield from ("", "## Training and validation", "")
    for key, value in _flat(facts):
        if key.partition(".")[0] not in ("calibration", "score_edges", "score_shares"):
            yield f"- {key.replace('_', ' ')}: {value}"
    yield from ("", "Default rates on the held-out people, by band:", "")
    yield "| band | people | predicted | observed |"
    yield "| --- | --- | --- | --- |"
    for band in Band:
        figures = facts["calibration"][band.name]
        rates = [f"{figures[key]:.2%}" if key in figures else "" for key in _RATES]
        label = f"{band.name} ({band.floor}-{band.ceiling})"
        yield f"| {label} | {figures['n']} | {' | '.join(rates)} |"


_RATES = ("predicted", "observed")


def _scorecard(model: Model) -> Iterator[str]:
    yield from ("", "## Scorecard")
    for each in model.characteristics:
        yield from ("", f"### {each.factor.name}: {each.name}", "")
        yield "| attribute | points |"
        yield "| --- | --- |"
        for label, points in _attributes(each):
            yield f"| {label} | {points} |"


def _attributes(each: ScoredCharacteristic) -> Iterator[tuple[str, int]]:
    for attribute in range(len(each.points) + 1):
        yield each.label(attribute), each.points_of(attribute)
    yield "not shared", each.neutral_points


def _flat(facts: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in facts.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value
