import json

import pytest

from tests.integration.dev.bench.commands import run, topics_left

pytestmark = pytest.mark.slow


def test_every_system_goes_through_its_input_and_the_peer_scores_as_we_do(
    kafka: str, topic_prefix: str
) -> None:
    result = run("--peer-events", "1500", "--runs", "1")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    runs = {each["system"]: each for each in told["runs"]}
    assert list(runs) == ["sesame", "copy", "faust"]
    assert runs["sesame"]["events"] == runs["copy"]["events"] > 2_000
    assert 400 < runs["faust"]["events"] < 1_000
    for each in runs.values():
        assert each["events_per_second"] > 0
        assert each["cpu_seconds"] > 0
        assert each["peak_rss_mb"] > 20
    rate = runs["sesame"]["events_per_second"]
    assert told["ratios"] == {
        system: pytest.approx(rate / runs[system]["events_per_second"])
        for system in ("copy", "faust")
    }
    checked = told["checked"]["faust"]
    assert checked["people"] >= checked["scored"] > 8
    ours, copied = told["written"]["sesame"]["topics"], told["written"]["copy"]["topics"]
    assert ours.keys() == copied.keys()
    for name, volume in ours.items():
        assert copied[name]["records"] == pytest.approx(volume["records"], abs=2)
        assert copied[name]["value_bytes"] == pytest.approx(volume["value_bytes"], rel=0.02)
    # Ours publishes a batch's newest score, the per-event peer every one.
    assert 0 < told["published"]["sesame"] < told["published"]["faust"]
    assert told["machine"]["cores"] >= 1
    assert told["machine"]["java"]
    assert topics_left(kafka, topic_prefix) == []
