from pathlib import Path
from typing import Any

import pytest

from pipeline.dev.bench import page, throughput_page

DOCS = Path(__file__).parents[4] / "docs"
MACHINE = {
    "measured_at": "2026-01-02T03:04:05+00:00",
    "cores": 2,
    "processor": "Abacus",
    "memory_gib": 8.0,
    "python": "3.11.7",
    "kafka": "given",
    "java": None,
    "commit": "51d1c93",
    "load_1m_at_start": 0.25,
}


def summary(system: str, rate: float) -> dict[str, Any]:
    return {
        "system": system,
        "runs": 3,
        "events_per_second": rate,
        "lowest": rate - 1,
        "highest": rate + 1,
        "cpu_us_per_event": 4.25,
        "peak_rss_mb": 300.4,
    }


def run(system: str, rate: float, cores: float, events: int = 1_000) -> dict[str, Any]:
    return {
        "system": system,
        "run": 1,
        "events": events,
        "events_per_second": rate,
        "seconds": events / rate,
        "cpu_seconds": cores * events / rate,
        "peak_rss_mb": 300.4,
    }


PEERS: dict[str, Any] = {
    "runs": [run("sesame", 123_456.7, 1.0), run("faust", 2_016.0, 0.5, 200)],
    "ratios": {"faust": 61.239},
    "summaries": [summary("sesame", 123_456.7), summary("faust", 2_016.0)],
    "machine": MACHINE,
    "input": {"people": 10, "events": 1_000, "seed": 1, "partitions": 8},
    "published": {"sesame": 0.0591, "faust": 0.2304},
    "few": {"people": 2, "events": 200, "seed": 1},
    "shares": {"sesame": "all", "faust": "few"},
    "versions": {
        "sesame": "sesame-score 0.1.0",
        "flink": "flink 2",
        "faust": "faust-streaming 0.15.3",
    },
    "left_out": {"quix": "No module named 'quixstreams'"},
    "checked": {"faust": {"people": 180, "scored": 150}},
}

PARTNERS = {
    "runs": [
        {"system": "sesame", "events": 900_000},
        {"system": "gateway-consents", "events": 300_000},
        {"system": "gateway-scores", "events": 300_000},
    ],
    "ratios": {"gateway-consents": 0.914, "gateway-scores": 0.637, "partner-records": 1.274},
    "summaries": [
        summary("sesame", 200_000.0),
        summary("gateway-consents", 182_800.0),
        summary("gateway-scores", 127_400.0),
    ],
    "scores_published_per_second": 10_000.4,
    "over_published": 12.74,
    "partner_records": 600_000,
    "partner_records_per_second": 254_800.4,
    "decision_ms": {"p50": 2.345, "p99": 8.1, "max": 40.0, "n": 15_000},
    "decide_us": {"p50": 31.04, "p99": 77.0, "max": 1_234.56, "n": 15_000},
    "machine": MACHINE,
    "input": {
        "grants": 100_000,
        "people": 10_000,
        "events": 1_000_000,
        "seed": 1,
        "partitions": 8,
    },
}


def test_the_page_shows_the_recorded_figures() -> None:
    text = (DOCS / "performance.md").read_text()
    wanted = page.refreshed(text, DOCS / "performance")
    assert text == wanted, "run `python -m pipeline.dev.bench.page`"


def test_the_plots_show_the_recorded_figures() -> None:
    folder = DOCS / "performance"
    for name, svg in page.plots(folder).items():
        assert (folder / name).read_text() == svg, "run `python -m pipeline.dev.bench.page`"


def test_the_sizing_page_follows_from_the_recorded_figures() -> None:
    wanted = page.sizing(DOCS / "performance")
    assert (DOCS / "sizing.md").read_text() == wanted, "run `python -m pipeline.dev.bench.page`"


def test_saved_peers_are_a_table_and_a_plot_with_what_they_rest_on(tmp_path: Path) -> None:
    page.save(PEERS, page.PEERS, tmp_path / "new")
    told = page.figures(tmp_path / "new")
    assert "| records out an event | `sesame` over it |\n" in told
    assert (
        "| `sesame` | 1,000 | 123,457 | 123,457 to 123,457 | 1.00 | 123,457 | 300 | 0.059 |  |"
        in told
    )
    assert "| `faust` | 200 | 2,016 | 2,016 to 2,016 | 0.50 | 4,032 | 300 | 0.230 | 61.24 |" in told
    assert "Measured 2026-01-02 on 2 cores of Abacus" in told
    assert "given, commit 51d1c93; load average 0.2 " in told
    assert "The same mix of 2 people: `faust`." in told
    assert "of `flink` is mostly the heap, fixed at 1 GiB" in told
    assert "- `faust`: faust-streaming 0.15.3" in told
    assert "- `quix` was left out: No module named 'quixstreams'" in told
    assert "first round: `faust` 180 people (150 with a score)." in told
    ((name, drawn),) = page.plots(tmp_path / "new").items()
    assert f"](performance/{name})" in told
    assert ">123,457<" in drawn


def test_several_workers_have_a_row_and_ratios_of_their_own() -> None:
    several = {"system": "sesame-2", "workers": 2, "ratios": {"sesame": 1.6, "faust": 97.984}}
    runs = [run("sesame", 100_000.0, 1.0), run("copy", 400_000.0, 0.9),
            run("sesame-2", 160_000.0, 1.8), run("faust", 2_000.0, 1.0, 200)]  # fmt: skip
    names = [each["system"] for each in runs]
    told = throughput_page.peers(
        PEERS
        | {
            "runs": runs,
            "published": dict.fromkeys(names, 0.25),
            "ratios": {"copy": 0.25, "sesame-2": 0.625, "faust": 61.24},
            "several": several,
        }
    )
    rows = [line.split(" | ") for line in told.splitlines() if line.startswith("| ")]
    head, rule, *body = rows
    assert head[-2:] == ["`sesame` over it", "`sesame-2` over it |"]
    assert {len(row) for row in rows} == {len(rule)}
    by_system = {row[0].strip("| `"): row for row in body}
    cores, work = head.index("cores used"), head.index("events/s of a core's time")
    assert (by_system["sesame-2"][cores], by_system["sesame-2"][work]) == ("1.80", "88,889")
    ends = {name: row[-2:] for name, row in by_system.items()}
    assert ends == {
        "sesame": ["", "1.60 |"],
        "copy": ["0.25", " |"],
        "sesame-2": ["0.62", " |"],
        "faust": ["61.24", "97.98 |"],
    }


def test_a_saved_partnership_has_rates_over_the_pipelines_and_latencies(tmp_path: Path) -> None:
    page.save(PARTNERS, page.PARTNERS, tmp_path)
    told = page.figures(tmp_path)
    assert "| `sesame` | 900,000 | 200,000 | 199,999 to 200,001 | 4.2 | 300 |  |" in told
    assert "| `gateway-scores` | 300,000 | 127,400 |" in told
    assert "| 4.2 | 300 | 0.64 |" in told
    assert "pipeline published 10,000 score records a second" in told
    assert "followed 12.7 times as many, and wrote 254,800 partner records a second" in told
    assert "one for each grant: 1.27 of the pipeline's events" in told
    assert "All 600,000 of a round" in told
    assert "| `POST /rentals`, ms | 2.35 | 8.10 | 40.00 | 15,000 |" in told
    assert "| `decide` in process, us | 31.0 | 77.0 | 1,234.6 | 15,000 |" in told
    assert "100,000 people with a grant for each of two partners" in told


def test_without_results_the_page_says_so(tmp_path: Path) -> None:
    assert "No run is recorded" in page.figures(tmp_path)


@pytest.mark.parametrize("text", ["plain", "<!-- figures -->\nold\n<!-- end of figures -->\n"])
def test_only_what_is_between_the_markers_changes(tmp_path: Path, text: str) -> None:
    changed = page.refreshed(text, tmp_path)
    assert ("old" in changed, "plain" in changed) == (False, text == "plain")
