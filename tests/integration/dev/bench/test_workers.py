import os

import pytest

from tests.integration.dev.bench.commands import topics_left
from tests.integration.dev.bench.peers import compare

pytestmark = pytest.mark.slow


def test_two_workers_share_the_events_and_score_as_one_does(
    kafka: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    found = compare("--only", "copy-2")
    runs = {run["system"]: run for run in found["runs"]}
    assert list(runs) == ["sesame", "sesame-2", "copy-2"]
    assert len({run["events"] for run in runs.values()}) == 1
    one, two = runs["sesame"], runs["sesame-2"]
    assert two["cpu_seconds"] > 0
    # Most of a worker's memory is there without people.
    assert two["peak_rss_mb"] > 1.5 * one["peak_rss_mb"]
    over = two["events_per_second"]
    assert found["several"] == {
        "system": "sesame-2",
        "workers": 2,
        "ratios": {
            "sesame": pytest.approx(over / one["events_per_second"]),
            "copy-2": pytest.approx(over / runs["copy-2"]["events_per_second"]),
        },
    }
    assert found["ratios"].keys() == {"sesame-2"}
    assert found["checked"].keys() == {"sesame-2"}
    assert found["checked"]["sesame-2"]["people"] > 200
    assert found["checked"]["sesame-2"]["scored"] > 50
    wrote, copied = (found["written"][name]["topics"] for name in ("sesame-2", "copy-2"))
    assert wrote.keys() == copied.keys()
    for name, volume in wrote.items():
        assert copied[name]["records"] == pytest.approx(volume["records"], abs=4)
    assert topics_left(kafka, topic_prefix) == []
