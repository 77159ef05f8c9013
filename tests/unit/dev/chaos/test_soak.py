import pytest

from pipeline.dev.chaos.soak import FILES_RISE_MAX, RSS_RISE_MAX, Samples, trend

SECONDS = [float(s) for s in range(0, 1_801, 10)]
MB = float(2**20)


def samples(rss_rise: float = 0.0, files_rise: float = 0.0) -> Samples:
    """Of half an hour: 200 MB and 30 files after a warm-up that is not to count."""

    def course(begin: float, rise: float) -> list[float]:
        return [0.0 if s < 600 else begin + rise * (s - 600) / 1_200 for s in SECONDS]

    return Samples("worker 1", SECONDS, course(200 * MB, rss_rise), course(30, files_rise))


def test_what_stays_as_it_is_after_the_warm_up_is_steady() -> None:
    assert samples().steady


def test_memory_that_rises_by_more_than_its_share_is_a_leak() -> None:
    assert samples(rss_rise=0.9 * RSS_RISE_MAX * 200 * MB).steady
    assert not samples(rss_rise=1.1 * RSS_RISE_MAX * 200 * MB).steady


def test_open_files_that_become_more_are_a_leak() -> None:
    assert samples(files_rise=FILES_RISE_MAX - 1).steady
    assert not samples(files_rise=FILES_RISE_MAX + 1).steady


def test_a_sawtooth_has_no_trend() -> None:
    found = trend(SECONDS, [100.0 + 5 * (number % 2) for number in range(len(SECONDS))])
    assert found.rise == pytest.approx(0.0, abs=0.5)
