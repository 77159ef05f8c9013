"""What a model must keep to be loaded at all."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import isfinite

from pipeline.factors.vocabulary import Factor
from pipeline.scoring.attributes import ScoredCharacteristic
from pipeline.scoring.bands import SCORE_MAX, SCORE_MIN
from pipeline.scoring.content import ModelContent, ModelError
from pipeline.scoring.reasons import CHARACTERISTICS_MAX

EDGES_MAX = 15
"""Finer attributes would hold too few people to be worth their points."""


def check_model(content: ModelContent, registered: Mapping[str, Factor]) -> None:
    """Refuse a model that could give a wrong or an unexplained score.

    Args:
        content: What the file says.
        registered: The factor of every registered characteristic by name; a model that
            names another input is refused, so nothing else can be scored.

    Raises:
        ModelError: With the rule that is broken.
    """
    if content.version < 1:
        _refuse(f"version must be 1 or more, got {content.version}")
    _check_together(content.characteristics)
    codes = [reason.code for reason in content.reasons]
    if len(set(codes)) != len(codes):
        _refuse("a reason code is given twice")
    _check_reasons_are_own(content.characteristics)
    for each in content.characteristics:
        _check_characteristic(each, registered, codes)
    _check_range(content)


def _check_together(characteristics: Sequence[ScoredCharacteristic]) -> None:
    if not 1 <= len(characteristics) <= CHARACTERISTICS_MAX:
        _refuse(f"1 to {CHARACTERISTICS_MAX} characteristics, got {len(characteristics)}")
    names = [each.name for each in characteristics]
    if len(set(names)) != len(names):
        _refuse("a characteristic is given twice")
    factors = [each.factor for each in characteristics]
    if factors != sorted(factors):
        _refuse("characteristics must be grouped by factor, in the order of the Score record")


def _check_reasons_are_own(characteristics: Sequence[ScoredCharacteristic]) -> None:
    """A code shared by two characteristics could be told twice and explain neither."""
    owners: dict[str, str] = {}
    for each in characteristics:
        for code in (each.reason, each.missing_reason):
            if owners.setdefault(code, each.name) != each.name:
                _refuse(f"reason {code} is used by two characteristics")


def _check_characteristic(
    each: ScoredCharacteristic, registered: Mapping[str, Factor], codes: Sequence[str]
) -> None:
    if each.name not in registered:
        _refuse(f"{each.name!r} is not a registered characteristic")
    if registered[each.name] is not each.factor:
        _refuse(f"{each.name} belongs to {registered[each.name].name}, not {each.factor.name}")
    if len(each.points) != len(each.edges) + 1:
        _refuse(f"{each.name}: {len(each.edges)} edges need {len(each.edges) + 1} points")
    if len(each.edges) > EDGES_MAX:
        _refuse(f"{each.name}: at most {EDGES_MAX} edges, got {len(each.edges)}")
    if not all(map(isfinite, each.edges)) or any(a >= b for a, b in pairwise(each.edges)):
        _refuse(f"{each.name}: edges must be finite and ascending")
    if not each.min_points <= each.neutral_points <= each.max_points:
        _refuse(f"{each.name}: neutral points outside its attributes' points")
    for code in (each.reason, each.missing_reason):
        if code not in codes:
            _refuse(f"{each.name}: reason {code!r} is not among the model's reasons")


def _check_range(content: ModelContent) -> None:
    lowest, highest = content.lowest_score, content.highest_score
    if lowest < SCORE_MIN or highest > SCORE_MAX:
        _refuse(
            f"scores would run from {lowest} to {highest}, outside {SCORE_MIN}..{SCORE_MAX}; "
            "base and points must add up to the score without clamping"
        )


def _refuse(why: str) -> None:
    raise ModelError(why)
