import json
from pathlib import Path

import pytest

from pipeline import settings
from pipeline.dev.bench.latency.contenders import able_to_run, known
from pipeline.dev.bench.systems import Bench
from tests.integration.dev.bench.commands import run, topics_left

pytestmark = pytest.mark.slow


@pytest.mark.timeout(900)  # where Maven has nothing yet, the peers in Java are built first
def test_every_probe_is_answered_at_every_load_also_at_the_partner(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    contenders, left_out = able_to_run(Bench(settings.load(), tmp_path, lambda _: None), known())
    names = [each.name for each in contenders]
    assert names[:2] == ["sesame", "gateway"]
    result = run("--latency", "--live", "200000", "--level", "1", "--runs", "1")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["left_out"] == left_out
    tops = {top["system"]: top["events_per_second"] for top in told["tops"]}
    assert list(tops) == names
    assert list(told["settings"]) == names
    for top in told["tops"]:
        assert 0 <= top["held_share"] <= 1
        assert top["lead_max"] >= top["lead_median"]
        assert top["commit_events"] > 0
    assert [(load["system"], load["share"]) for load in told["loads"]] == [
        (system, share) for system in tops for share in (0.01, 0.1, 0.5, 0.8)
    ]
    for load in told["loads"]:
        assert load["not_sustained"] is None
        assert load["events_per_second"] == pytest.approx(load["share"] * tops[load["system"]])
        # A load is shorter where few live events are left for it.
        assert 0 < load["seconds"] <= 1
        assert load["events"] == pytest.approx(load["events_per_second"] * load["seconds"], abs=2)
        spread = load["latency_ms"]
        assert 0 < spread["p50"] <= spread["p99"] <= spread["p99.9"] <= spread["max"]
        assert sum(count for _, count in load["histogram_us"]) == spread["samples"] > 0
    assert topics_left(kafka, topic_prefix) == []


def test_a_contender_can_be_measured_alone() -> None:
    sizes = ("--live", "100000", "--level", "1", "--runs", "1")
    result = run("--latency", "--only", "gateway", *sizes)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert [top["system"] for top in told["tops"]] == ["gateway"]
    assert {load["system"] for load in told["loads"]} == {"gateway"}
    assert told["left_out"] == {}
