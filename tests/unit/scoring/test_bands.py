from itertools import pairwise

import numpy as np
import pytest

from pipeline.scoring.bands import NO_BAND, SCORE_MAX, SCORE_MIN, Band, band_of


@pytest.mark.parametrize(
    ("score", "band"),
    [
        (350, Band.POOR),
        (549, Band.POOR),
        (550, Band.FAIR),
        (599, Band.FAIR),
        (600, Band.GOOD),
        (649, Band.GOOD),
        (650, Band.VERY_GOOD),
        (699, Band.VERY_GOOD),
        (700, Band.EXCELLENT),
        (950, Band.EXCELLENT),
    ],
)
def test_a_score_falls_into_the_contracts_band(score: int, band: Band) -> None:
    assert band_of(np.array([score])).tolist() == [band]
    assert band.floor <= score <= band.ceiling


def test_no_score_has_no_band() -> None:
    assert band_of(np.array([0, 349])).tolist() == [NO_BAND, NO_BAND]


def test_bands_cover_the_range_without_gap_or_overlap() -> None:
    bands = list(Band)
    assert bands[0].floor == SCORE_MIN
    assert bands[-1].ceiling == SCORE_MAX
    assert all(lower.ceiling + 1 == upper.floor for lower, upper in pairwise(bands))
