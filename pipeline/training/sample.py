"""A sample to fit or judge a card on: characteristics, consent, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.factors.characteristics import CHARACTERISTICS
from pipeline.factors.vocabulary import Factor

Floats = NDArray[np.float64]
Bool = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Sample:
    """n people at one moment, and their outcome in the time after it."""

    values: Floats  # (n, characteristics) in the order of CHARACTERISTICS; NaN: unknown
    consent_mask: NDArray[np.uint8]  # (n,)
    missing: NDArray[np.uint8]  # (n,) MissingHistory bits; 0: enough history to be scored
    defaulted: Bool  # (n,)
    propensity: Floats  # (n,) hidden, larger is better; never a model input

    def __len__(self) -> int:
        """The number of people."""
        return len(self.defaulted)

    def take(self, chosen: NDArray[np.intp] | Bool) -> "Sample":
        """The chosen people."""
        return Sample(
            values=self.values[chosen],
            consent_mask=self.consent_mask[chosen],
            missing=self.missing[chosen],
            defaulted=self.defaulted[chosen],
            propensity=self.propensity[chosen],
        )

    def scoreable(self) -> "Sample":
        """The people with enough history; thin files are no one's good or bad example."""
        return self.take(self.missing == 0)

    def column(self, name: str) -> Floats:
        """One characteristic's values."""
        return self.values[:, [each.name for each in CHARACTERISTICS].index(name)]

    def shares(self, factor: Factor) -> Bool:
        """Who shares a factor."""
        shared: Bool = (self.consent_mask & np.uint8(1 << factor.scope)) != 0
        return shared


def concatenate(samples: Sequence[Sample]) -> Sample:
    """One sample of all people, in order."""
    columns: dict[str, Any] = {
        each.name: np.concatenate([getattr(sample, each.name) for sample in samples])
        for each in fields(Sample)
    }
    return Sample(**columns)


def split(sample: Sample, held_out: float, seed: int) -> tuple[Sample, Sample]:
    """Cut a sample at random into one to fit on and one to judge on, by a seed."""
    order = np.random.default_rng(seed).permutation(len(sample))
    cut = round(len(sample) * (1 - held_out))
    return sample.take(np.sort(order[:cut])), sample.take(np.sort(order[cut:]))
