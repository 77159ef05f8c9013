import json
import time
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from typer.testing import CliRunner, Result

from pipeline import settings
from pipeline.cli.main import app
from pipeline.dev.bench.latency.contenders import able_to_run, known
from pipeline.dev.bench.scale.grid import Cell, Grid
from pipeline.dev.bench.scale.measure import Plan, measure
from pipeline.dev.bench.systems import Bench
from pipeline.dev.bench.workload import Workload

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _kafka(kafka: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESAME_BOOTSTRAP", kafka)
    monkeypatch.setenv("SESAME_TOPIC_PREFIX", topic_prefix)


def run(*options: str) -> Result:
    size = ("--people", "60", "--events", "6000", "--partitions", "2", "--json")
    return CliRunner().invoke(app, ["bench", *size, *options])


def topics_left(bootstrap: str, prefix: str) -> list[str]:
    """The topics under a prefix once the broker has carried out all deletions."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    deadline = time.monotonic() + 10
    try:
        while True:
            left = [name for name in admin.list_topics() if name.startswith(prefix)]
            if not left or time.monotonic() > deadline:
                return left
            time.sleep(0.1)
    finally:
        admin.close()


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


def test_a_restored_worker_is_timed_and_weighed(kafka: str, topic_prefix: str) -> None:
    result = run("--recovery", "--restored", "5000")
    assert result.exit_code == 0, result.output
    recovery = json.loads(result.stdout)["recovery"]
    assert recovery["people"] == 5_000
    assert recovery["changelog_records"] >= 2 * 5_000
    assert recovery["full"]["rss_mb"] > recovery["empty"]["rss_mb"] > 50
    assert recovery["full"]["peak_rss_mb"] >= recovery["full"]["rss_mb"]
    assert 0 < recovery["take_over"]["people"] < 5_000
    # Of more than 10,000; a lane that is asked to confirm writes its position.
    assert recovery["take_over"]["records_read"] < 10
    assert recovery["people_per_second"] == pytest.approx(5_000 / recovery["full"]["seconds"])
    assert topics_left(kafka, topic_prefix) == []


def test_a_gateway_and_a_partner_are_measured_beside_the_pipeline(
    kafka: str, topic_prefix: str
) -> None:
    result = run("--partners", "--grants", "300", "--decisions", "100", "--runs", "1")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    runs = {each["system"]: each for each in told["runs"]}
    assert list(runs) == ["sesame", "gateway-consents", "gateway-scores"]
    assert runs["gateway-consents"]["events"] == 3 * 300
    assert runs["gateway-scores"]["events"] == 3 * 300
    for each in runs.values():
        assert each["events_per_second"] > 0
        assert each["peak_rss_mb"] > 20
    rate = runs["sesame"]["events_per_second"]
    scores = runs["gateway-scores"]["events_per_second"]
    assert told["ratios"] == {
        "gateway-consents": pytest.approx(runs["gateway-consents"]["events_per_second"] / rate),
        "gateway-scores": pytest.approx(scores / rate),
        "partner-records": pytest.approx(2 * scores / rate),
    }
    assert told["partner_records"] == 2 * 3 * 300
    assert told["written"]["topics"]["disclosures"]["records"] == 2 * 3 * 300
    assert told["partner_records_per_second"] == pytest.approx(2 * scores)
    published = told["scores_published_per_second"]
    assert told["over_published"] == pytest.approx(scores / published)
    for latencies in (told["decision_ms"], told["decide_us"]):
        assert 0 < latencies["p50"] <= latencies["p99"] <= latencies["max"]
        assert latencies["n"] == 100
    # A person in two is above the threshold.
    outcomes = told["outcomes"]
    assert outcomes.keys() == {"DEPOSIT_WAIVED", "DEPOSIT_REQUIRED"}
    assert told["input"]["grants"] == 300
    assert topics_left(kafka, topic_prefix) == []


def test_two_measurements_at_once_are_refused() -> None:
    result = run("--partners", "--recovery")
    assert result.exit_code == 2
    assert "choose one" in result.output


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


def test_a_cell_of_the_grid_is_measured_over_all_its_workers(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    prepared = Bench(settings.load(partitions=2), tmp_path, lambda _: None)
    grid = Grid(Cell(2, 2_000, 2, 0.0), [2], [2_000], [2], [0.0, 1.2])
    told = measure(prepared, Plan(Workload(60, 6_000, 1), grid, 6_000, 1)).as_json()
    assert [run["cell"]["skew"] for run in told["runs"]] == [0.0, 1.2]
    for each in told["runs"]:
        assert each["events"] == 6_000
        assert each["input_bytes"] > 6_000 * 50
        assert each["changelog_bytes"] > 2_000 * 300
        assert each["cpu_seconds"] > 0
        # Two workers hold more than one without people does.
        assert each["peak_rss_mb"] >= each["ready_rss_mb"] > 1.5 * told["empty_rss_mb"]["2"]
        assert each["written"]["factor-state-journal"]["records"] == each["transactions"] > 0
        assert each["positions"]["records"] == each["transactions"]
        for volume in each["written"].values():
            assert 0 < volume["key_bytes"] < volume["value_bytes"]
    # Few people of many events: fewer rows to write for as many events.
    even, skewed = (run["written"]["factor-state-changelog"]["records"] for run in told["runs"])
    assert 0 < skewed < even
    assert topics_left(kafka, topic_prefix) == []
