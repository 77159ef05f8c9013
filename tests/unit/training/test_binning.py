from dataclasses import replace

import numpy as np
import pytest

from pipeline.scoring.reasons import Reason
from pipeline.training.binning import BINS_MAX, bin_characteristic
from pipeline.training.template import CharacteristicTemplate, Direction, Missing

REASON = Reason("R", "r", "r")
UP = CharacteristicTemplate("x", Direction.UP, Missing.DATA, "unknown", REASON, REASON)
DOWN = replace(UP, direction=Direction.DOWN)
NAN = float("nan")


def people(n: int = 6_000) -> tuple[np.ndarray, np.ndarray]:
    """Values of which larger ones default less, on the whole."""
    rng = np.random.default_rng(5)
    values = rng.random(n)
    return values, rng.random(n) < 0.3 - 0.25 * values


def test_evidence_rises_with_a_value_that_is_good_and_is_demanded_to_be() -> None:
    binned = bin_characteristic(UP, *people())
    assert 2 <= len(binned.edges) < BINS_MAX
    assert (np.diff(binned.woe[:-1]) > 0).all()


def test_evidence_never_rises_where_credit_sense_forbids_it() -> None:
    binned = bin_characteristic(DOWN, *people())
    assert (np.diff(binned.woe[:-1]) <= 0).all()


def test_evidence_is_the_log_of_good_share_over_bad_share() -> None:
    values, bad = people()
    binned = bin_characteristic(UP, values, bad)
    inside = values < binned.edges[0]
    good_share = (inside & ~bad).sum() / (~bad).sum()
    bad_share = (inside & bad).sum() / bad.sum()
    assert binned.woe[0] == pytest.approx(np.log(good_share / bad_share), abs=0.01)


def test_a_value_gets_the_evidence_of_its_attribute() -> None:
    binned = bin_characteristic(UP, *people())
    values = np.array([-1.0, binned.edges[0], 2.0, NAN])
    expected = [binned.woe[0], binned.woe[1], binned.woe[-2], binned.woe[-1]]
    assert binned.transform(values).tolist() == expected


def test_unknown_values_get_the_evidence_of_the_data() -> None:
    values, bad = people()
    values[bad & (np.arange(len(bad)) % 3 == 0)] = NAN
    values[~bad & (np.arange(len(bad)) % 50 == 0)] = NAN
    binned = bin_characteristic(UP, values, bad)
    assert binned.woe[-1] == min(binned.woe)


def test_too_few_unknown_values_get_the_evidence_of_the_mean_person() -> None:
    values, bad = people()
    values[:50] = NAN
    binned = bin_characteristic(UP, values, bad)
    known = values[50:]
    assert binned.woe[-1] == pytest.approx(binned.transform(known).mean())


def test_unknown_that_means_never_is_the_best_attribute() -> None:
    values, bad = people()
    values[bad & (np.arange(len(bad)) % 3 == 0)] = NAN
    best = bin_characteristic(replace(UP, missing=Missing.BEST), values, bad)
    assert best.woe[-1] == max(best.woe)


def test_one_value_for_all_makes_one_attribute() -> None:
    _, bad = people()
    binned = bin_characteristic(UP, np.ones(len(bad)), bad)
    assert binned.edges == ()
    assert binned.woe == pytest.approx((0.0, 0.0))
