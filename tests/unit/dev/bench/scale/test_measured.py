from typing import Any

import pytest

from pipeline.dev.bench import scale_page
from pipeline.dev.bench.scale.measured import Measured
from pipeline.dev.bench.sizing_page import page

MIDDLE = {"workers": 1, "people": 1_000, "partitions": 8, "skew": 0.0}
MOST = MIDDLE | {"people": 5_000}


def run(cell: dict[str, Any], changes: int) -> dict[str, Any]:
    return {
        "cell": cell,
        "events": 1_000,
        "input_bytes": 140_000,
        "changelog_bytes": 900 * cell["people"],
        "transactions": 5,
        "ready_rss_mb": 217.0,
        "peak_rss_mb": 267.0,
        "positions": {"records": 5, "key_bytes": 5, "value_bytes": 495},
        "written": {
            "factor-state-changelog": {
                "records": 900,
                "key_bytes": 10_000,
                "value_bytes": 490_000,
            },
            "scores": {"records": 100, "key_bytes": 1_000, "value_bytes": 19_000},
            "score-changes": {"records": 100, "key_bytes": 1_000, "value_bytes": changes},
            "peer-signals": {"records": 10, "key_bytes": 100, "value_bytes": 900},
            "factor-state-journal": {"records": 5, "key_bytes": 5, "value_bytes": 595},
        },
    }


def summary(cell: dict[str, Any], rate: float, held: float) -> dict[str, Any]:
    return cell | {
        "runs": 2,
        "events_per_second": rate,
        "lowest": rate,
        "highest": rate,
        "events_per_cpu_second": rate,
        "bytes_a_person": held,
        "bytes_each_more": None if cell["people"] == 1_000 else 1_250.0,
    }


SCALE: dict[str, Any] = {
    "empty_rss_mb": {"8": 210.0, "64": 400.0},
    "runs": [
        run(MIDDLE, 1),
        run(MOST, 49_000),
        run(MOST, 69_000),
        # Other cells with as many people, which are not like the middle otherwise.
        run(MOST | {"partitions": 64}, 10**9),
        run(MOST | {"workers": 4}, 10**9),
        run(MOST | {"skew": 1.2}, 10**9),
    ],
    "summaries": [
        summary(MIDDLE, 1.0, 9_000.0),
        summary(MOST, 90_000.0, 1_400.0),
        summary(MOST | {"partitions": 64}, 7.0, 1.0),
        summary(MOST | {"workers": 4}, 7.0, 1.0),
        summary(MOST | {"skew": 1.2}, 7.0, 1.0),
    ],
    "machine": {
        "measured_at": "2026-01-02T03:04:05+00:00",
        "cores": 2,
        "processor": "Abacus",
        "load_1m_at_start": 0.25,
    },
    "input": {"seed": 1},
}


def load(system: str, share: float, rate: float, cores: float) -> dict[str, Any]:
    return {
        "system": system,
        "share": share,
        "runs": 3,
        "sustained": 3,
        "events_per_second": rate,
        "cores": cores,
    }


LATENCY = {
    "summaries": [
        load("sesame", 0.1, 10_000.0, 0.9),
        load("sesame", 0.5, 50_000.0, 0.8),
        load("gateway", 0.5, 1.0, 1.0),
    ]
}


def test_only_the_middle_with_most_people_is_taken() -> None:
    measured = Measured.of(SCALE, None)
    assert measured.people == 5_000
    assert measured.backlog_events == 90_000
    assert measured.person_bytes == 1_400
    assert measured.each_more_bytes == 1_250
    assert measured.work_bytes == 50e6
    assert measured.state_bytes == 900
    assert measured.empty_bytes == 210e6


def test_bytes_are_of_keys_and_values() -> None:
    measured = Measured.of(SCALE, None)
    assert measured.input_bytes == 140
    assert measured.change_bytes == 60
    assert measured.signal_bytes == 1
    assert measured.output_bytes == 500 + 20 + 60 + 1
    assert measured.score_bytes == 200
    assert measured.journal_bytes == 120
    assert measured.position_bytes == 100


def test_a_core_under_half_load_is_that_of_the_latency_run() -> None:
    assert Measured.of(SCALE, None).live_events is None
    measured = Measured.of(SCALE, LATENCY)
    assert measured.live_events == pytest.approx(62_500)
    assert measured.events_per_core_second == measured.live_events
    lost = {"summaries": [load("sesame", 0.5, 50_000.0, 0.8) | {"sustained": 2}]}
    assert Measured.of(SCALE, lost).live_events is None


def test_the_page_tells_what_cores_rest_on_and_why_each_thing_is_assumed() -> None:
    told = page(SCALE, LATENCY)
    assert "| events/s of a core's time, live at half load | 62,500 |" in told
    assert "or those of half load by `--latency`" in told
    assert "| `memory_filled` | 0.7 | Of that limit: partitions are not even" in told
    assert "as no run of `--latency` is recorded" in page(SCALE)
    assert "live at half load" not in page(SCALE)


def test_the_table_of_cells_has_the_empty_workers_and_the_slope() -> None:
    told = scale_page.figures(SCALE)
    assert "takes 210 MB with 8 partitions, 400 MB with 64 partitions:" in told
    assert "| 1 | 5,000 | 8 | 0 | 90,000 | 90,000 to 90,000 | 90,000 | 1,400 | 1,250 |" in told
    assert "| 1 | 1,000 | 8 | 0 | 1 | 1 to 1 | 1 | 9,000 |  |" in told
