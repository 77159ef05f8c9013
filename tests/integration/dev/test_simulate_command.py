import json

import pytest
from typer.testing import CliRunner, Result

from pipeline.cli.main import app
from pipeline.provision import ensure_topics
from pipeline.settings import load


@pytest.fixture(autouse=True)
def _topics(kafka: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESAME_BOOTSTRAP", kafka)
    monkeypatch.setenv("SESAME_TOPIC_PREFIX", topic_prefix)
    monkeypatch.setenv("SESAME_PARTITIONS", "2")
    ensure_topics(load(), [])


def run(*options: str) -> Result:
    return CliRunner().invoke(app, ["simulate", *options])


def test_a_program_reads_what_was_sent() -> None:
    asked = ("--people", "150", "--months", "6", "--bad", "0.02", "--repeats", "0.01")
    result = run(*asked, "--end", "2026-06-30", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["people"] == 150
    assert told["until_ms"] == 1_782_777_600_000
    per_topic = told["topics"].values()
    assert told["events"] == sum(topic["events"] for topic in per_topic)
    assert told["repeats"] == sum(topic["repeats"] for topic in per_topic) > 0
    assert sum(told["bad"].values()) == sum(topic["bad"] for topic in per_topic) > 0
    assert told["records"] == told["events"] + told["repeats"] + sum(told["bad"].values())
    assert set(told["topics"]) == {
        "consents", "payments", "consumption", "obligations", "profiles", "relationships"
    }  # fmt: skip


def test_about_the_wanted_number_of_events_is_sent() -> None:
    told = json.loads(run("--people", "300", "--months", "6", "--events", "30000", "--json").stdout)
    assert told["events"] == pytest.approx(30_000, rel=0.1)


def test_a_person_reads_a_table() -> None:
    result = run("--people", "20", "--months", "3", "--bad", "0.1")
    assert result.exit_code == 0, result.output
    assert "payments" in result.stdout
    assert "WIRE_FORMAT" in result.stdout
    assert "records in" in result.stdout


def test_an_end_in_the_future_is_refused() -> None:
    result = run("--people", "10", "--end", "2099-01-01")
    assert result.exit_code == 2
    assert "after today" in result.output
