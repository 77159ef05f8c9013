"""Three people from the outcome, explained in words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.scoring.explain import reasons_of
from pipeline.scoring.model import Model
from pipeline.scoring.thin_file import MISSING_TEXTS, missing_codes

Score = Mapping[str, Any]
_UNTIL_CLOSED = ("As soon as nothing of this is missing any more, there is a score.",)


@dataclass(frozen=True, slots=True)
class FactorLine:
    """What one factor gives a person, in points, and what it gives at least and at most."""

    factor: str
    points: int
    min_points: int
    max_points: int
    consented: bool


@dataclass(frozen=True, slots=True)
class Portrait:
    """One person's score in words.

    ``why`` says what costs points, or what a thin file lacks; ``advice`` what would raise
    the score.
    """

    title: str
    user_id: str
    score: int | None
    band: str | None
    probability_of_default: float | None
    base: int
    factors: tuple[FactorLine, ...]
    why: tuple[str, ...]
    advice: tuple[str, ...]


def portraits(scores: Iterable[Score], model: Model) -> list[Portrait]:
    """The best score, the middle one, and a thin file; where there is none, the lowest score."""
    everybody = list(scores)
    ranked = sorted(
        (s for s in everybody if s["status"] == "SCORED"), key=lambda s: (s["score"], s["user_id"])
    )
    thin = min(
        (s for s in everybody if s["status"] != "SCORED"),
        key=lambda s: (len(s["missing"]), s["user_id"]),
        default=None,
    )
    chosen: list[tuple[str, Score]] = []
    if ranked:
        chosen.append(("The best score", ranked[-1]))
        chosen.append(("The middle of all", ranked[len(ranked) // 2]))
    if thin is not None:
        chosen.append(("A thin file", thin))
    elif ranked:
        chosen.append(("The lowest score", ranked[0]))
    return [portrait(title, score, model) for title, score in chosen]


def portrait(title: str, score: Score, model: Model) -> Portrait:
    """One Score record in words."""
    reasons = reasons_of(score["reasons"], model)
    missing = _missing_texts(score["missing"])
    return Portrait(
        title=title,
        user_id=score["user_id"],
        score=score["score"],
        band=score["band"],
        probability_of_default=score["probability_of_default"],
        base=model.base,
        factors=tuple(
            FactorLine(f["factor"], f["points"], f["min_points"], f["max_points"], f["consented"])
            for f in score["factors"]
        ),
        why=tuple(missing or [reason.text for reason in reasons]),
        advice=_UNTIL_CLOSED if missing else tuple(reason.advice for reason in reasons),
    )


def _missing_texts(codes: Iterable[str]) -> list[str]:
    texts = {missing_codes(part)[0]: text for part, text in MISSING_TEXTS.items()}
    return [texts[code] for code in codes]
