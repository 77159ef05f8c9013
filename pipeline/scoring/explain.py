"""A score line by line: every characteristic, its attribute, its points, what costs points."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

from numpy.typing import NDArray

from pipeline.factors.characteristics import CHARACTERISTICS, compute
from pipeline.factors.vocabulary import Factor
from pipeline.scoring.model import Model
from pipeline.scoring.reasons import Reason

NOT_SHARED = "not shared"
"""The attribute of every characteristic of a factor without consent."""


@dataclass(frozen=True, slots=True)
class Line:
    """What one characteristic gives; ``value`` None: unknown or not shared."""

    name: str
    factor: Factor
    value: float | None
    unit: str
    attribute: str
    points: int
    max_points: int
    reason: str | None


def explain(rows: NDArray[Any], as_of_month: int, model: Model) -> list[Line]:
    """Explain one person's score; base plus the lines' points is the score.

    Args:
        rows: One FACTOR_ROW, as (1,) or ().
        as_of_month: Months since 1970 that characteristics look back from.
        model: A loaded model.

    Returns:
        A line per scored characteristic, in the model's order. A factor that is not shared
        shows its neutral points and nothing of the person.
    """
    one = rows.reshape(1)
    values = dict(
        zip((each.name for each in CHARACTERISTICS), compute(one, as_of_month)[0], strict=True)
    )
    return explain_values(values, int(one["consent_mask"][0]), model)


def explain_values(values: dict[str, float], consent_mask: int, model: Model) -> list[Line]:
    """The same from the values of the characteristics by name, NaN unknown."""
    units = {each.name: each.unit for each in CHARACTERISTICS}
    lines = []
    for each in model.characteristics:
        shared = bool(consent_mask & 1 << each.factor.scope)
        value = float(values[each.name])
        attribute = each.attribute_of(value)
        lines.append(
            Line(
                name=each.name,
                factor=each.factor,
                value=value if shared and not isnan(value) else None,
                unit=units[each.name],
                attribute=each.label(attribute) if shared else NOT_SHARED,
                points=each.points_of(attribute) if shared else each.neutral_points,
                max_points=each.max_points,
                reason=each.reason_of(attribute) if shared else None,
            )
        )
    return lines


def reasons_of(codes: Sequence[str], model: Model) -> list[Reason]:
    """The reasons behind published codes: their texts, and what would raise the score.

    Raises:
        KeyError: A code the model does not know.
    """
    by_code = {reason.code: reason for reason in model.reasons}
    return [by_code[code] for code in codes]
