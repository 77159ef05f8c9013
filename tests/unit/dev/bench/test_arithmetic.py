import pytest

from pipeline.dev.bench.arithmetic import (
    Run,
    Window,
    at_time,
    percentile,
    ratios,
    run_of,
    shares,
    summarise,
)


def run(system: str, number: int, rate: float, cpu_seconds: float = 1.0) -> Run:
    return Run(system, number, 1_000, rate, 1_000 / rate, cpu_seconds, 100.0 * number)


def test_a_rate_is_the_events_of_the_window_by_its_length() -> None:
    window = Window(first_at=100.0, last_at=104.0, events=2_000)
    assert window.seconds == 4.0
    assert window.events_per_second == 500.0


def test_a_window_without_length_has_no_rate() -> None:
    with pytest.raises(ValueError, match="too few to time"):
        _ = Window(5.0, 5.0, 10).events_per_second


def test_processor_time_is_read_between_samples_and_kept_at_the_ends() -> None:
    samples = [(10.0, 1.0), (12.0, 2.0), (14.0, 2.5)]
    assert at_time(samples, 11.0) == 1.5
    assert at_time(samples, 13.0) == 2.25
    assert at_time(samples, 12.0) == 2.0
    assert at_time(samples, 1.0) == 1.0
    assert at_time(samples, 99.0) == 2.5


def test_a_summary_has_the_median_and_the_spread_of_its_system_only() -> None:
    runs = [run("sesame", 1, 90.0, 0.3), run("copy", 1, 500.0), run("sesame", 2, 100.0, 0.1)]
    runs += [run("sesame", 3, 140.0, 0.2)]
    ours, copied = summarise(runs)
    assert (ours.system, ours.runs) == ("sesame", 3)
    assert (ours.events_per_second, ours.lowest, ours.highest) == (100.0, 90.0, 140.0)
    assert ours.cpu_us_per_event == pytest.approx(200.0)
    assert ours.peak_rss_mb == 200.0
    assert (copied.system, copied.runs, copied.events_per_second) == ("copy", 1, 500.0)


def test_a_ratio_is_the_median_of_the_rounds_not_of_the_rates() -> None:
    runs = [run("sesame", 1, 100.0), run("faust", 1, 10.0)]
    runs += [run("sesame", 2, 50.0), run("faust", 2, 2.0)]
    runs += [run("sesame", 3, 60.0), run("faust", 3, 5.0)]
    assert ratios(runs) == {"faust": 12.0}


def test_a_round_without_our_run_gives_no_ratio() -> None:
    with pytest.raises(KeyError):
        ratios([run("sesame", 1, 100.0), run("copy", 2, 100.0)])


def test_a_share_is_the_other_over_ours_by_rounds() -> None:
    runs = [run("sesame", 1, 100.0), run("gateway-scores", 1, 80.0)]
    runs += [run("sesame", 2, 50.0), run("gateway-scores", 2, 30.0)]
    runs += [run("sesame", 3, 100.0), run("gateway-scores", 3, 50.0)]
    assert shares(runs) == {"gateway-scores": 0.6}
    with pytest.raises(KeyError):
        shares([run("gateway-scores", 1, 1.0)])


def test_a_run_of_several_windows_leaves_out_what_lies_between() -> None:
    samples = [(0.0, 0.0), (10.0, 5.0), (20.0, 25.0), (30.0, 26.0)]
    windows = [Window(0.0, 10.0, 300), Window(20.0, 30.0, 700)]
    found = run_of("gateway-scores", 2, windows, samples, 120.0)
    assert found == Run("gateway-scores", 2, 1_000, 50.0, 20.0, 6.0, 120.0)


@pytest.mark.parametrize(("share", "value"), [(0.0, 1.0), (0.5, 50.0), (0.99, 99.0), (1.0, 100.0)])
def test_a_percentile_is_a_value_that_was_measured(share: float, value: float) -> None:
    values = [float(n) for n in range(100, 0, -1)]
    assert percentile(values, share) == value
    assert percentile([7.0], share) == 7.0
