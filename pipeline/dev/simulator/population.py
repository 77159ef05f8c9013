"""The people: a hidden propensity, traits that follow from it, and what comes of them.

Propensity is standard normal, higher is better. A person defaults within the twelve months
after the history with probability

    logistic(intercept - SLOPE * propensity + NOISE * n),   n standard normal, private,

the intercept chosen so that the population's expected rate is the spec's. Each trait is
``weight * propensity + sqrt(1 - weight ** 2) * n`` with a private n, again standard normal:
behaviour tells of the propensity, never exactly.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.dev.simulator.spec import Spec
from pipeline.factors.columns import Bool, Int64

Float = NDArray[np.float64]

SLOPE = 1.9
NOISE = 0.5
TRAIT_WEIGHTS = {
    "punctuality": 0.80,  # pays what is due in time
    "thrift": 0.75,  # uses little of the credit at hand
    "reliability": 0.75,  # keeps contracts
    "steadiness": 0.65,  # spends evenly, on necessities
    "rootedness": 0.60,  # keeps address, phone and work
    "company": 0.60,  # whom one is linked with
}
ACCOUNTS_MAX = 2
BILLS_MAX = 4


@dataclass(frozen=True, slots=True)
class Population:
    """Columns over people, equal length; traits are standard normal."""

    users: list[str]
    propensity: Float
    default_probability: Float
    default_12m: Bool
    traits: dict[str, Float]
    activity: Float  # how often they do anything, 1 on average
    joined_ms: Int64
    enrolled: Bool
    dormant: Bool
    employed: Bool
    accounts: Int64  # credit accounts, 0 to ACCOUNTS_MAX
    bills: Int64  # bills a month, 0 to BILLS_MAX

    def __len__(self) -> int:
        """The number of people."""
        return len(self.users)


def logistic(x: Float) -> Float:
    """1 / (1 + exp(-x))."""
    return 1.0 / (1.0 + np.exp(-x))


def populate(spec: Spec, start_ms: int, rng: np.random.Generator) -> Population:
    """Draw the people; newcomers join evenly between ``start_ms`` and the end."""
    n = spec.people
    propensity = rng.standard_normal(n)
    probability = logistic(
        _intercept(spec.default_rate) - SLOPE * propensity + NOISE * rng.standard_normal(n)
    )
    traits = {
        name: weight * propensity + np.sqrt(1 - weight**2) * rng.standard_normal(n)
        for name, weight in TRAIT_WEIGHTS.items()
    }
    newcomer = rng.random(n) < spec.newcomer_rate
    joined = np.where(newcomer, start_ms + rng.random(n) * (spec.end_ms - start_ms), start_ms)
    dormant = rng.random(n) < spec.dormant_rate
    accounts = rng.choice(ACCOUNTS_MAX + 1, n, p=(0.25, 0.50, 0.25))
    bills = rng.choice(BILLS_MAX + 1, n, p=(0.04, 0.16, 0.40, 0.30, 0.10))
    return Population(
        users=[f"person-{i:07d}" for i in range(n)],
        propensity=propensity,
        default_probability=probability,
        default_12m=rng.random(n) < probability,
        traits=traits,
        activity=np.where(dormant, 0.02, rng.lognormal(-0.125, 0.5, n)),
        joined_ms=joined.astype(np.int64),
        enrolled=rng.random(n) >= spec.unenrolled_rate,
        dormant=dormant,
        employed=rng.random(n) < logistic(1.4 + 0.7 * traits["rootedness"]),
        accounts=np.where(dormant, 0, accounts),
        bills=np.where(dormant, 0, bills),
    )


def _intercept(rate: float) -> float:
    """The intercept at which the expected default rate is ``rate``, by bisection."""
    spread = np.hypot(SLOPE, NOISE)
    grid = np.linspace(-6, 6, 2001) * spread
    weights = np.exp(-0.5 * (grid / spread) ** 2)
    weights /= weights.sum()
    low, high = -30.0, 30.0
    for _ in range(60):
        middle = (low + high) / 2
        if float(weights @ logistic(middle + grid)) < rate:
            low = middle
        else:
            high = middle
    return (low + high) / 2
