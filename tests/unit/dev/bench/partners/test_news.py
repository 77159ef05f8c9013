from itertools import pairwise

import numpy as np
import pytest

from pipeline import topics
from pipeline.codec.encode import decode_record
from pipeline.codec.registry import FileRegistry
from pipeline.dev.bench.partners.news import News, news, pick
from pipeline.errors import RefusedError
from pipeline.scoring.bands import band_of
from pipeline.scoring.model import load_model
from pipeline.scoring.scorecard import ScoreColumns, Status

REGISTRY = FileRegistry()
MODEL = load_model("default@1")
THRESHOLDS = (650, 600)


def portraits(values: list[int]) -> ScoreColumns:
    score = np.array(values, np.uint16)
    n = len(values)
    thin = score == 0
    return ScoreColumns(
        status=np.where(thin, Status.THIN_FILE, Status.SCORED).astype(np.uint8),
        score=score,
        base_score=score,
        band=band_of(score),
        probability_of_default=np.where(thin, np.nan, 0.05),
        factor_points=np.zeros((n, 5), np.int16),
        consented=np.ones((n, 5), np.bool_),
        reasons=np.tile(np.array([0, 1, -1, -1], np.int16), (n, 1)),
        missing=thin.astype(np.uint8),
    )


@pytest.fixture
def some() -> News:
    return news(portraits([0, 700, 640, 500, 650, 599, 600, 350, 900]), THRESHOLDS, MODEL)


def test_scores_between_two_thresholds_and_thin_files_are_left_out(some: News) -> None:
    assert some.scores.score.tolist() == [700, 650, 900, 500, 599, 350]
    assert some.above == 3


def test_everybody_crosses_every_threshold_from_one_round_to_the_next(some: News) -> None:
    rounds = [some.scores.score[some.chosen(1_000, number)] for number in (1, 2, 3)]
    for before, after in pairwise(rounds):
        assert ((before >= 650) == (after < 600)).all()
        assert ((before < 600) == (after >= 650)).all()
    assert set(rounds[0].tolist()) == {700, 650, 900, 500, 599, 350}


def test_a_round_is_one_record_of_everybody_with_the_score_chosen(some: News) -> None:
    users = [f"user-{i}" for i in range(40)]
    chosen = some.chosen(40, 2)
    sent = list(some.records(users, 2, REGISTRY))
    told = {record.key: decode_record(record.value or b"", REGISTRY) for record in sent}
    assert {record.topic for record in sent} == {topics.SCORES}
    assert len(sent) == len(told) == 40
    for user, portrait in zip(users, chosen.tolist(), strict=True):
        record = told[user.encode()]
        assert record["user_id"] == user
        assert record["status"] == "SCORED"
        assert record["score"] == int(some.scores.score[portrait])
        assert record["sequence"] == 2
        assert len(record["reasons"]) == 2
    assert [record.key for record in sent] != [user.encode() for user in users]


def test_people_of_one_kind_only_are_refused() -> None:
    with pytest.raises(RefusedError, match="2 score 650 or more and 0 below 600"):
        news(portraits([0, 700, 650]), THRESHOLDS, MODEL)
    with pytest.raises(RefusedError, match="0 score 650 or more and 1 below 600"):
        news(portraits([0, 599]), THRESHOLDS, MODEL)


def test_a_portrait_may_be_picked_more_than_once() -> None:
    picked = pick(portraits([500, 700]), np.array([1, 1, 0]))
    assert picked.score.tolist() == [700, 700, 500]
    assert picked.factor_points.shape == (3, 5)
