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
    summed,
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
    assert ours.cores == pytest.approx(0.3 * 90 / 1_000)  # of 0.027, 0.010 and 0.028
    assert ours.events_per_cpu_second == pytest.approx(1_000 / 0.2)
    assert (copied.system, copied.runs, copied.events_per_second) == ("copy", 1, 500.0)


def test_a_ratio_is_the_median_of_the_rounds_not_of_the_rates() -> None:
    runs = [run("sesame", 1, 100.0), run("faust", 1, 10.0)]
    runs += [run("sesame", 2, 50.0), run("faust", 2, 2.0)]
    runs += [run("sesame", 3, 60.0), run("faust", 3, 5.0)]
    assert ratios(runs) == {"faust": 12.0}


def test_a_ratio_may_be_of_another_system_than_ours() -> None:
    runs = [run("sesame", 1, 100.0), run("sesame-2", 1, 150.0), run("flink", 1, 120.0)]
    assert ratios(runs, "sesame-2") == {"sesame": 1.5, "flink": 1.25}
    assert ratios(runs)["flink"] == pytest.approx(100 / 120)


def test_two_processors_busy_for_half_the_time_are_one_core() -> None:
    (found,) = summarise([Run("flink", 1, 800, 200.0, 4.0, 4.0, 1.0)])
    assert found.cores == 1.0
    assert found.events_per_cpu_second == 200.0


def test_processor_time_of_several_is_the_sum_at_any_time() -> None:
    one = [(10.0, 1.0), (14.0, 3.0)]
    other = [(11.0, 0.0), (13.0, 4.0)]
    both = summed([one, other])
    assert both == sorted(both)
    for at in (10.5, 11.0, 12.0, 13.5, 14.0):
        assert at_time(both, at) == pytest.approx(at_time(one, at) + at_time(other, at))
    assert at_time(both, 12.0) == pytest.approx(2.0 + 2.0)


def test_a_process_that_was_not_sampled_adds_nothing() -> None:
    assert summed([[(1.0, 2.0)], []]) == [(1.0, 2.0)]


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


def test_a_run_too_short_for_the_systems_clock_has_a_rate_all_the_same() -> None:
    found = run_of("copy", 1, [Window(1.0, 1.1, 1_000)], [(0.9, 4.0), (1.2, 4.0)], 120.0)
    (summary,) = summarise([found])
    assert 0 < found.cpu_seconds < 0.1
    assert summary.events_per_cpu_second == pytest.approx(1_000 / found.cpu_seconds)


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
