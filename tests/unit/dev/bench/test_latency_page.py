from typing import Any

from pipeline.dev.bench import latency_page


def load(system: str, share: float, histogram: list[tuple[int, int]]) -> dict[str, Any]:
    return {"system": system, "share": share, "histogram_us": histogram, "not_sustained": None}


def top(system: str, bound: bool) -> dict[str, Any]:
    return {"system": system, "sender_bound": bound}


def summary(system: str, share: float, p99: float) -> dict[str, Any]:
    return {
        "system": system,
        "share": share,
        "runs": 3,
        "sustained": 3,
        "events_per_second": share * 100_000,
        "cores": 0.756,
        "samples": 15_000,
        "p50": p99 / 2,
        "p99": p99,
        "p99.9": p99 * 2,
        "max": 1_234.56,
        "p99_by_run": [p99 - 1, p99, p99 + 1],
    }


RESULT: dict[str, Any] = {
    "input": {"people": 10_000, "partitions": 8, "seed": 1},
    "tops": [top("sesame", True), top("sesame", False), top("gateway", False)],
    "summaries": [
        summary(system, share, p99)
        for system, p99 in (("sesame", 40.0), ("gateway", 90.0))
        for share in (0.01, 0.1)
    ],
    "loads": [
        load("sesame", 0.1, [(10_000, 900), (50_000, 99), (90_000, 1)]),
        load("gateway", 0.1, [(20_000, 1_000)]),
        load("gateway", 0.01, [(1, 1)]),
    ],
}


def test_a_row_tells_each_percentile_in_milliseconds() -> None:
    told = latency_page.figures(RESULT)
    assert (
        "| `sesame` | 10 % | 10,000 | 20.0 | 40.0 | 80.0 | 1,234.6 | 15,000 | 39.0, 40.0, 41.0 "
        "| 0.76 |"
    ) in told
    assert "rounds: 3" in told


def test_the_tail_has_the_latency_that_each_share_of_probes_exceeds() -> None:
    loads = [each for each in RESULT["loads"] if each["system"] == "sesame"]
    tail = {share: ms for ms, share in latency_page._tail(loads)}
    assert tail[0.5] == tail[0.1] == 10.0
    assert tail[0.03] == tail[0.01] == tail[0.001] == 50.0
    assert 0.0001 not in tail  # a tenth of a sample


def test_there_is_a_plot_by_load_and_one_of_tails() -> None:
    plots = latency_page.plots(RESULT)
    assert set(plots) == {latency_page.BY_LOAD, latency_page.AT_TENTH}
    assert "sesame p99" in plots[latency_page.BY_LOAD]
    assert plots[latency_page.AT_TENTH].count(">gateway<") == 1


def test_a_top_rate_that_may_be_the_sender_s_is_named() -> None:
    told = latency_page.figures(RESULT)
    assert "`sesame`: in 1 of 2 rounds less than a commit's worth" in told
    assert "`gateway`: in" not in told


def test_a_load_that_a_round_did_not_sustain_has_no_percentiles_and_is_in_no_plot() -> None:
    failed = {
        "system": "slow",
        "share": 0.1,
        "runs": 3,
        "sustained": 2,
        "events_per_second": 800.0,
        "cores": 1.0,
    }
    given = {"system": "slow", "share": 0.1, "not_sustained": "5 probes", "answered": 3}
    result = RESULT | {
        "summaries": [*RESULT["summaries"], failed],
        "loads": [*RESULT["loads"], given],
    }
    told = latency_page.figures(result)
    assert "| `slow` | 10 % | 800 | not sustained in 1 of 3 rounds |  |  |  |  |  | 1.00 |" in told
    for svg in latency_page.plots(result).values():
        assert "slow" not in svg
    assert latency_page.plots(result | {"summaries": [failed], "loads": [given]}) == {}
