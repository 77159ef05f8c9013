from typing import Any

from pipeline.dev.demo.portraits import portraits
from pipeline.factors.characteristics import MissingHistory
from pipeline.factors.vocabulary import Factor
from pipeline.scoring.model import load_model
from pipeline.scoring.thin_file import MISSING_TEXTS

MODEL = load_model("default@1")


def person(user: str, score: int | None, **more: Any) -> dict[str, Any]:
    factors = [
        {"factor": f.name, "points": 1, "min_points": 0, "max_points": 9, "consented": True}
        for f in Factor
    ]
    return {
        "user_id": user,
        "status": "THIN_FILE" if score is None else "SCORED",
        "score": score,
        "band": None,
        "probability_of_default": None,
        "factors": factors,
        "reasons": [],
        "missing": [],
        **more,
    }


PEOPLE = [person(f"p{score}", score) for score in (400, 500, 600, 700, 800)]


def test_the_best_the_middle_and_a_thin_file_are_shown() -> None:
    thin = person("thin", None, missing=["ACTIVE_MONTHS"])
    shown = portraits([*PEOPLE, thin], MODEL)
    assert [each.user_id for each in shown] == ["p800", "p600", "thin"]


def test_without_a_thin_file_the_lowest_score_is_shown() -> None:
    assert [each.user_id for each in portraits(PEOPLE, MODEL)] == ["p800", "p600", "p400"]


def test_nobody_scored_gives_no_portrait() -> None:
    assert portraits([], MODEL) == []


def test_reasons_are_told_in_the_models_words_with_what_would_help() -> None:
    reasons = MODEL.reasons[:2]
    (best, *_) = portraits([person("a", 600, reasons=[r.code for r in reasons])], MODEL)
    assert best.why == tuple(reason.text for reason in reasons)
    assert best.advice == tuple(reason.advice for reason in reasons)


def test_a_thin_file_says_what_it_lacks() -> None:
    codes = [part.name for part in MissingHistory]
    (thin,) = portraits([person("thin", None, missing=codes)], MODEL)
    assert thin.why == tuple(MISSING_TEXTS[part] for part in MissingHistory)
    assert len(thin.advice) == 1
