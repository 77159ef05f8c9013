import numpy as np
import pytest

from pipeline.cli.populations import Size, populations
from pipeline.factors.characteristics import MissingHistory
from pipeline.factors.vocabulary import Scope
from pipeline.scoring.model import load_model
from pipeline.scoring.scorecard import score
from pipeline.training.history import Folded
from pipeline.training.sample import concatenate, split

MODEL = load_model("default@1")
SIZE = Size(people=600, months=12)


@pytest.fixture(scope="module")
def folded() -> Folded:
    return next(populations(SIZE, seed=4))


def test_only_people_who_consent_to_scoring_are_sampled(folded: Folded) -> None:
    sample = folded.sample()
    assert len(sample) == (folded.state.rows["consent_mask"] & 1).sum() < SIZE.people
    assert (sample.consent_mask & 1 << Scope.SCORING).all()


def test_nobody_with_a_thin_file_is_an_example(folded: Folded) -> None:
    sample = folded.sample()
    thin = (sample.missing & (MissingHistory.ACTIVE_MONTHS | 2)) != 0
    assert thin.any()
    assert len(sample.scoreable()) == len(sample) - thin.sum()


def test_what_is_not_shared_is_not_in_the_sample(folded: Folded) -> None:
    sample = folded.sample()
    private = (sample.consent_mask & 1 << Scope.IDENTITY) == 0
    assert private.any()
    assert (sample.column("attributes_verified")[private] == 0).all()
    assert np.isnan(sample.column("months_at_address")[private]).all()


def test_links_hear_base_scores_rounded_down_to_tens() -> None:
    folded = next(populations(SIZE, seed=4))
    assert np.isnan(folded.sample().column("mean_peer_base_score")).all()
    folded.tell_base_scores(MODEL)
    told = folded.state.rows["peer_base_sum"]
    alone = folded.state.rows["scored_peers"] == 1
    assert alone.any()
    assert (told % 10 == 0).all()
    published = set(score(folded.state.rows, folded.as_of_month, MODEL).base_score // 10 * 10)
    assert set(told[alone]) <= published


def test_telling_base_scores_again_changes_nothing() -> None:
    folded = next(populations(SIZE, seed=4))
    folded.tell_base_scores(MODEL)
    once = folded.state.rows.copy()
    folded.tell_base_scores(MODEL)
    assert (folded.state.rows == once).all()


def test_equal_seeds_give_equal_people(folded: Folded) -> None:
    assert (next(populations(SIZE, seed=4)).state.rows == folded.state.rows).all()
    assert (next(populations(SIZE, seed=5)).state.rows != folded.state.rows).any()


def test_a_split_gives_everybody_to_one_part(folded: Folded) -> None:
    sample = folded.sample()
    fit, held_out = split(sample, 0.3, seed=1)
    assert len(held_out) == round(0.3 * len(sample))
    both = np.sort(concatenate([fit, held_out]).propensity)
    assert (both == np.sort(sample.propensity)).all()
