import pytest

from pipeline.dev.bench.latency.spread import Spread, histogram


def test_percentiles_are_of_all_samples_and_exact() -> None:
    spread = Spread.of([n * 1_000_000 for n in range(1, 2_001)])
    assert spread.percentiles == {"p50": 1_000.0, "p99": 1_980.0, "p99.9": 1_998.0}
    assert spread.max_ms == 2_000.0
    assert spread.samples == 2_000


def test_without_samples_there_is_no_percentile() -> None:
    with pytest.raises(ValueError, match="no latency"):
        Spread.of([])


@pytest.mark.parametrize(
    ("ns", "us"), [(0, 0), (999, 0), (7_000, 7), (123_456_789, 123_000), (99_950_000, 100_000)]
)
def test_a_histogram_keeps_three_digits(ns: int, us: int) -> None:
    assert histogram([ns]) == [(us, 1)]


def test_a_histogram_counts_every_sample_once() -> None:
    bins = histogram(range(0, 5_000_000, 777))
    assert sum(count for _, count in bins) == len(range(0, 5_000_000, 777))
    assert [us for us, _ in bins] == sorted({us for us, _ in bins})
