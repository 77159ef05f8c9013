from typing import Any

from pipeline.dev.bench import latency_page


def load(system: str, share: float, histogram: list[tuple[int, int]]) -> dict[str, Any]:
    return {"system": system, "share": share, "histogram_us": histogram}


def summary(system: str, share: float, p99: float) -> dict[str, Any]:
    return {
        "system": system,
        "share": share,
        "runs": 3,
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
