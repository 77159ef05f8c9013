"""Logistic regression with non-negative weights.

A negative weight on weights of evidence would turn credit sense upside down (more points
for being late) because of correlation among characteristics; such a weight is held at 0.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Floats = NDArray[np.float64]
Bool = NDArray[np.bool_]

NEWTON_MAX: Final = 50
NEWTON_STEP_MIN: Final = 1e-9


@dataclass(frozen=True, slots=True)
class LogisticFit:
    """``ln(odds of good) = intercept + inputs @ weights``."""

    intercept: float
    weights: Floats


def calibrate(index: Floats, good: Bool) -> tuple[float, float]:
    """Intercept and slope of ``ln(odds of good)`` on one index, (n,), by Newton's method.

    Raises:
        ValueError: The search did not end, as where the index parts goods from bads entirely.
    """
    design = np.column_stack((np.ones_like(index), index))
    parameters = np.array([np.log(good.mean() / (1 - good.mean())), 0.0])
    for _ in range(NEWTON_MAX):
        probability = 1 / (1 + np.exp(-(design @ parameters)))
        curvature = (design * (probability * (1 - probability))[:, None]).T @ design
        step = np.linalg.solve(curvature, design.T @ (good - probability))
        parameters += step
        if np.abs(step).max() < NEWTON_STEP_MIN:
            return float(parameters[0]), float(parameters[1])
    raise ValueError(f"calibration did not end in {NEWTON_MAX} steps")


def fit_logistic(inputs: Floats, good: Bool, ridge: float = 0.0) -> LogisticFit:
    """Fit by maximum likelihood, less ``ridge / 2`` times the squared weights.

    Args:
        inputs: (n, c).
        good: (n,) whether the person did not default.
        ridge: Draws weights of characteristics that say the same towards each other.

    Raises:
        ValueError: Only goods or only bads, or the search did not end.
    """
    if good.all() or not good.any():
        raise ValueError("a fit needs both people who defaulted and people who did not")
    sign = np.where(good, 1.0, -1.0)

    def loss(parameters: Floats) -> tuple[float, Floats]:
        intercept, weights = parameters[0], parameters[1:]
        margin = sign * (intercept + inputs @ weights)
        # -log sigmoid(margin), and its slope, without overflow on either side
        value = np.logaddexp(0.0, -margin).sum() + ridge / 2 * (weights @ weights)
        pull = -sign * np.exp(-np.logaddexp(0.0, margin))
        return float(value), np.concatenate(([pull.sum()], pull @ inputs + ridge * weights))

    start = np.zeros(inputs.shape[1] + 1)
    start[0] = np.log(good.mean() / (1 - good.mean()))
    result = minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(None, None), *[(0.0, None)] * inputs.shape[1]],
        options={"maxiter": 2000, "ftol": 1e-12, "gtol": 1e-6},
    )
    if not result.success:
        raise ValueError(f"the fit did not end: {result.message}")
    return LogisticFit(float(result.x[0]), np.asarray(result.x[1:], dtype=np.float64))
