from dataclasses import replace

import pytest

from pipeline.dev.bench.latency.found import Found, Offered, Top
from pipeline.dev.bench.latency.load import Level

MS = 1_000_000
KEPT = Offered("slow", 1, 0.8, Level(800.0, 2.0, 1_600, [0, 1], 0.001), 1.0, [3 * MS, 5 * MS])
TOP = Top("slow", 1, 1_000.0, lead_median=900.0, lead_max=2_000, held_share=0.2, commit_events=500)


def test_a_top_is_the_sender_s_where_less_waited_than_is_committed_at_once() -> None:
    assert not TOP.sender_bound
    assert replace(TOP, lead_median=499.0).sender_bound
    told = Found(tops=[replace(TOP, lead_median=499.0)]).as_json()["tops"]
    assert told == [
        {
            "system": "slow",
            "run": 1,
            "events_per_second": 1_000.0,
            "lead_median": 499.0,
            "lead_max": 2_000,
            "held_share": 0.2,
            "commit_events": 500,
            "sender_bound": True,
        }
    ]


def test_percentiles_are_over_all_rounds() -> None:
    found = Found(offered=[KEPT, replace(KEPT, run=2, latencies_ns=[9 * MS])])
    (summary,) = found.as_json()["summaries"]
    assert (summary["runs"], summary["sustained"], summary["samples"]) == (2, 2, 3)
    assert summary["max"] == pytest.approx(9.0)
    assert summary["p99_by_run"] == pytest.approx([5.0, 9.0])


def test_a_load_that_one_round_did_not_sustain_has_no_percentiles() -> None:
    lost = replace(KEPT, run=2, latencies_ns=[], why_not="3 probes were unanswered after 60 s")
    told = Found(offered=[KEPT, lost]).as_json()
    (summary,) = told["summaries"]
    assert (summary["runs"], summary["sustained"]) == (2, 1)
    assert "p99" not in summary
    assert "p99_by_run" not in summary
    assert [load["not_sustained"] for load in told["loads"]] == [None, lost.why_not]
    assert told["loads"][1]["answered"] == 0
