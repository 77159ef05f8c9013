import numpy as np
import pytest

from pipeline.scoring.scaling import Scaling


def test_600_points_are_19_to_1() -> None:
    assert Scaling().probability_of_default(np.array([600.0]))[0] == pytest.approx(1 / 20)


def test_50_points_more_double_the_odds() -> None:
    odds = [(1 - p) / p for p in Scaling().probability_of_default(np.arange(350.0, 951.0, 50.0))]
    assert np.allclose(np.array(odds[1:]) / np.array(odds[:-1]), 2)


@pytest.mark.parametrize(
    ("score", "percent"), [(350, 62.7), (550, 9.5), (650, 2.6), (700, 1.3), (950, 0.04)]
)
def test_the_scale_gives_the_published_default_rates(score: int, percent: float) -> None:
    probability = Scaling().probability_of_default(np.array([float(score)]))[0]
    assert 100 * probability == pytest.approx(percent, abs=0.05)


def test_even_odds_are_at_the_offset() -> None:
    scaling = Scaling()
    assert scaling.probability_of_default(np.array([scaling.offset]))[0] == pytest.approx(0.5)


@pytest.mark.parametrize(("odds", "pdo"), [(0.0, 50.0), (19.0, 0.0), (-1.0, 50.0)])
def test_a_scale_without_odds_or_points_is_refused(odds: float, pdo: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        Scaling(anchor_odds=odds, pdo=pdo)
