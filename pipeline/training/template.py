"""Templates: what a card is made of before any data is seen."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isclose
from pathlib import Path
from typing import Any, Final

from pipeline.factors.vocabulary import Factor
from pipeline.scoring.reasons import Reason

TEMPLATES_FOLDER: Final = Path(__file__).parent / "templates"


class Direction(StrEnum):
    """How points may move as a value rises."""

    UP = "up"
    DOWN = "down"


class Missing(StrEnum):
    """What unknown values are worth."""

    DATA = "data"
    BEST = "best"


@dataclass(frozen=True, slots=True)
class CharacteristicTemplate:
    """What is fixed about one characteristic before the fit."""

    name: str
    direction: Direction
    missing: Missing
    missing_label: str
    reason: Reason
    missing_reason: Reason


@dataclass(frozen=True, slots=True)
class Template:
    """A card before the fit; ``shares`` are parts of the whole point range by factor."""

    description: str
    shares: Mapping[Factor, float]
    characteristics: tuple[CharacteristicTemplate, ...]


def load_template(name: str, folder: Path = TEMPLATES_FOLDER) -> Template:
    """Read a template by name.

    Raises:
        FileNotFoundError: There is none of that name.
        ValueError: Shares do not add up to 1, or a word is not in its vocabulary.
        KeyError: Something is left out.
    """
    data = tomllib.loads((folder / f"{name}.toml").read_text("utf-8"))
    shares = {factor: float(data["shares"][factor.name]) for factor in Factor}
    if not isclose(sum(shares.values()), 1.0) or min(shares.values()) < 0:
        raise ValueError(f"template {name}: shares must be 0 or more and add up to 1: {shares}")
    return Template(
        description=data["description"],
        shares=shares,
        characteristics=tuple(map(_characteristic, data["characteristics"])),
    )


def _characteristic(table: Mapping[str, Any]) -> CharacteristicTemplate:
    reason = Reason(**table["reason"])
    return CharacteristicTemplate(
        name=table["name"],
        direction=Direction(table["direction"]),
        missing=Missing(table["missing"]),
        missing_label=table["missing_label"],
        reason=reason,
        missing_reason=Reason(**table["missing_reason"]) if "missing_reason" in table else reason,
    )
