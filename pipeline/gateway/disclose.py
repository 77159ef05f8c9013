"""What of scores is visible under grants: pure, arrays in and arrays out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.factors.columns import Bool, Int32, Int64, UInt8, UInt64
from pipeline.gateway.texts import Texts
from pipeline.gateway.vocabulary import NONE, Admitted
from pipeline.partners.vocabulary import Disclosure
from pipeline.topics import DAY_MS

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


@dataclass(frozen=True, slots=True)
class Visible:
    """What partners see of n scores, by column; what is not disclosed is none."""

    disclosure: UInt8
    admitted: UInt8
    band: UInt8  # NONE where not disclosed
    score: NDArray[np.uint16]  # 0 where not disclosed
    threshold: NDArray[np.uint16]
    reasons: Int32  # shape (n, 4), codes of texts; 0: none
    model: Int32
    as_of_ms: Int64  # cut to the day, so that it matches nobody across partners
    expires_at_ms: Int64  # rounded up to the end of the day, as above; 0: no end

    def take(self, chosen: NDArray[np.integer] | Bool) -> "Visible":
        """Some of the rows."""
        return Visible(*(getattr(self, name)[chosen] for name in self.__slots__))


def visible(
    scores: NDArray[np.void],
    disclosure: UInt8,
    threshold: NDArray[np.uint16],
    expires_at_ms: Int64,
) -> Visible:
    """What is seen of scores; all arrays have shape (n,).

    Reasons are shown where a score is not admitted, as the partner has to give them to the
    person, and not otherwise.

    Args:
        scores: Of SCORE_ROW. Rows that are not SCORED give rows without meaning.
        disclosure: The lesser of what was granted and what the registry allows.
        threshold: From which score on it is admitted.
        expires_at_ms: When the grants end; 0: when withdrawn.
    """
    points = scores["score"]
    refused = points < threshold
    return Visible(
        disclosure=disclosure,
        admitted=np.where(refused, Admitted.NO, Admitted.YES).astype(np.uint8),
        band=np.where(disclosure >= Disclosure.BAND.rank, scores["band"], NONE).astype(np.uint8),
        score=np.where(disclosure == Disclosure.SCORE.rank, points, 0).astype(np.uint16),
        threshold=threshold,
        reasons=np.where(refused[:, None], scores["reasons"], 0),
        model=scores["model"],
        as_of_ms=scores["as_of_ms"] // DAY_MS * DAY_MS,
        expires_at_ms=-(-expires_at_ms // DAY_MS) * DAY_MS,
    )


def digest(seen: Visible, texts: Texts) -> UInt64:
    """A number for what is visible, never 0; equal ones look equal. Without ``as_of_ms``."""
    packed = seen.disclosure.astype(np.uint64)
    packed |= seen.admitted.astype(np.uint64) << np.uint64(8)
    packed |= seen.band.astype(np.uint64) << np.uint64(16)
    packed |= seen.score.astype(np.uint64) << np.uint64(24)
    packed |= seen.threshold.astype(np.uint64) << np.uint64(40)
    mixed = _mix(packed)
    mixed = _mix(mixed ^ seen.expires_at_ms.view(np.uint64))
    mixed = _mix(mixed ^ texts.hashes(seen.model))
    explained = seen.reasons[:, 0] != 0
    if explained.any():
        chain = mixed[explained]
        for hashes in texts.hashes(seen.reasons[explained]).T:
            chain = _mix(chain ^ hashes)
        mixed[explained] = chain
    return np.maximum(mixed, np.uint64(1))


def _mix(values: UInt64) -> UInt64:
    """The finisher of SplitMix64."""
    values = values + _GOLDEN
    values = (values ^ values >> np.uint64(30)) * _MIX_1
    values = (values ^ values >> np.uint64(27)) * _MIX_2
    return values ^ values >> np.uint64(31)
