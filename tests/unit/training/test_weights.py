import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from pipeline.training.weights import calibrate, fit_logistic


def drawn(weights: list[float], intercept: float, n: int = 4_000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(11)
    inputs = rng.standard_normal((n, len(weights)))
    odds = np.exp(intercept + inputs @ np.array(weights))
    return inputs, rng.random(n) < odds / (1 + odds)


def test_the_fit_equals_scikit_learns_where_no_weight_is_held() -> None:
    inputs, good = drawn([0.8, 0.3], 1.5)
    ours = fit_logistic(inputs, good, ridge=2.0)
    theirs = LogisticRegression(C=1 / 2.0, tol=1e-10).fit(inputs, good)
    assert ours.weights == pytest.approx(theirs.coef_[0], abs=1e-4)
    assert ours.intercept == pytest.approx(theirs.intercept_[0], abs=1e-4)


def test_a_weight_that_would_be_negative_is_held_at_0() -> None:
    inputs, good = drawn([0.8, -0.5], 1.5)
    fit = fit_logistic(inputs, good)
    assert fit.weights[1] == 0
    assert fit.weights[0] > 0.5


def test_ridge_shares_weight_between_inputs_that_say_the_same() -> None:
    inputs, good = drawn([1.0], 1.0)
    fit = fit_logistic(np.column_stack((inputs[:, 0], inputs[:, 0])), good, ridge=1.0)
    assert fit.weights[0] == pytest.approx(fit.weights[1], rel=1e-3)


def test_calibration_finds_the_line_of_the_maximum_likelihood() -> None:
    inputs, good = drawn([0.8], 2.0)
    intercept, slope = calibrate(inputs[:, 0], good)
    reference = fit_logistic(inputs, good)
    assert intercept == pytest.approx(reference.intercept, abs=1e-4)
    assert slope == pytest.approx(reference.weights[0], abs=1e-4)


def test_calibrated_probabilities_average_to_the_observed_rate() -> None:
    inputs, good = drawn([0.8], 2.0)
    intercept, slope = calibrate(inputs[:, 0], good)
    probability = 1 / (1 + np.exp(-(intercept + slope * inputs[:, 0])))
    assert probability.mean() == pytest.approx(good.mean(), abs=1e-9)


def test_one_sided_outcomes_cannot_be_fitted() -> None:
    with pytest.raises(ValueError, match="people who defaulted and people who did not"):
        fit_logistic(np.zeros((3, 1)), np.ones(3, dtype=bool))


def test_an_index_that_parts_goods_from_bads_cannot_be_calibrated() -> None:
    index = np.array([0.0, 1.0, 2.0, 3.0])
    with pytest.raises((ValueError, np.linalg.LinAlgError)):
        calibrate(index, index > 1.5)
