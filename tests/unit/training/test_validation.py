import numpy as np
import pytest

from pipeline.scoring.bands import Band
from pipeline.training import validation

SCORES = np.array([400.0, 500.0, 500.0, 600.0, 700.0])
BAD = np.array([True, True, False, False, False])


def test_auc_counts_the_pairs_in_the_right_order_and_ties_by_half() -> None:
    # pairs: (400: 3 won), (500: 1 tied, 2 won) of 6
    assert validation.auc(SCORES, BAD) == pytest.approx((3 + 0.5 + 2) / 6)


def test_auc_agrees_with_every_pair_compared() -> None:
    rng = np.random.default_rng(3)
    scores = rng.integers(0, 40, 300).astype(float)
    bad = rng.random(300) < 0.2
    won = (scores[~bad][:, None] > scores[bad]).mean()
    tied = (scores[~bad][:, None] == scores[bad]).mean()
    assert validation.auc(scores, bad) == pytest.approx(won + tied / 2)


def test_gini_is_0_for_a_blind_card_and_1_for_a_perfect_one() -> None:
    assert validation.gini(np.zeros(5), BAD) == pytest.approx(0)
    assert validation.gini((~BAD).astype(float), BAD) == pytest.approx(1)


def test_ks_is_the_largest_gap_between_the_two_distributions() -> None:
    # up to 500: both bads, one of three goods
    assert validation.ks(SCORES, BAD) == pytest.approx(1 - 1 / 3)


def test_the_ceiling_ranks_by_the_propensity_where_larger_is_better() -> None:
    assert validation.ceiling_auc(np.array([-2.0, -1.0, 0.0, 1.0, 2.0]), BAD) == 1


@pytest.mark.parametrize("measure", [validation.auc, validation.ks, validation.gini])
def test_goods_alone_cannot_be_ranked(measure: validation.Measure) -> None:
    with pytest.raises(ValueError, match="needs goods and bads, got 5 and 0"):
        measure(SCORES, np.zeros(5, dtype=bool))


def test_psi_of_the_same_distribution_is_0() -> None:
    assert validation.psi([0.2, 0.8], [0.2, 0.8]) == 0


def test_psi_sums_the_shifts_over_the_classes() -> None:
    by_hand = (0.3 - 0.5) * np.log(0.3 / 0.5) + (0.7 - 0.5) * np.log(0.7 / 0.5)
    assert validation.psi([0.5, 0.5], [0.3, 0.7]) == pytest.approx(by_hand)


def test_psi_of_an_emptied_class_is_large_but_finite() -> None:
    assert 1 < validation.psi([0.5, 0.5], [0.0, 1.0]) < 10


def test_psi_refuses_different_classes() -> None:
    with pytest.raises(ValueError, match="2 classes expected, 3 given"):
        validation.psi([0.5, 0.5], [0.3, 0.3, 0.4])


def test_an_edge_opens_its_class() -> None:
    assert validation.shares(np.array([499.0, 500.0, 501.0, 600.0]), [500, 600]) == [
        0.25,
        0.5,
        0.25,
    ]


def test_calibration_sets_the_promise_beside_what_came() -> None:
    scores = np.array([400.0, 500.0, 720.0, 900.0])
    probability = np.array([0.4, 0.2, 0.01, 0.002])
    table = validation.calibration(scores, probability, np.array([True, False, False, False]))
    poor = table[Band.POOR]
    assert poor.predicted == pytest.approx(0.3)
    assert (poor.observed, poor.n) == (0.5, 2)
    assert table[Band.EXCELLENT].predicted == pytest.approx(0.006)
    assert (table[Band.GOOD].predicted, table[Band.GOOD].n) == (None, 0)
