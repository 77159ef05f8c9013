import json
import os
from collections.abc import Mapping
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from pipeline.cli.main import app
from pipeline.dev.bench.arithmetic import OURS
from pipeline.dev.bench.peers.python import PYTHON
from pipeline.dev.bench.peers.registry import System, known, probe
from pipeline.settings import load
from tests.integration.dev.test_bench import topics_left

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SCORING = [system for system in known(load()) if system.scores and system.name != OURS]


@pytest.fixture(autouse=True)
def _kafka(kafka: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESAME_BOOTSTRAP", kafka)
    monkeypatch.setenv("SESAME_TOPIC_PREFIX", topic_prefix)


def run(*options: str) -> Result:
    size = ("--people", "240", "--events", "9000", "--partitions", "2", "--runs", "1", "--json")
    return CliRunner().invoke(app, ["bench", "--peers", *size, *options])


def told(result: Result) -> Mapping[str, Any]:
    assert result.exit_code == 0, result.output
    found: Mapping[str, Any] = json.loads(result.stdout)
    return found


def require(system: System) -> None:
    """Go on where the system can run; where everything has to be there, fail without it."""
    _, left_out = probe([system], lambda _: None)
    if left_out and not os.environ.get("SESAME_TEST_REQUIRE_ALL"):
        pytest.skip(left_out[system.name])
    assert left_out == {}


@pytest.mark.parametrize("system", SCORING, ids=lambda system: system.name)
def test_a_peer_scores_a_few_hundred_people_as_we_do(
    kafka: str, topic_prefix: str, system: System
) -> None:
    require(system)
    found = told(run("--only", system.name, "--peer-events", "9000"))
    ours, theirs = found["runs"]
    assert (ours["system"], theirs["system"]) == (OURS, system.name)
    assert theirs["events"] == pytest.approx(ours["events"], abs=1)
    for each in (ours, theirs):
        assert each["events_per_second"] > 0
        assert each["cpu_seconds"] > 0
        assert each["peak_rss_mb"] > 20
    ratio = ours["events_per_second"] / theirs["events_per_second"]
    assert found["ratios"] == {system.name: pytest.approx(ratio)}
    # Nobody scores less often than a batch of ours, so nobody writes fewer records.
    assert 0 < found["published"][OURS] <= found["published"][system.name]
    assert found["checked"][system.name]["people"] > 200
    assert found["checked"][system.name]["scored"] > 50
    assert found["left_out"] == {}
    assert topics_left(kafka, topic_prefix) == []


def test_what_cannot_run_is_told_and_the_rest_is_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(PYTHON, "/nowhere/bin/python")
    found = told(run("--only", "quix", "--only", "copy"))
    assert [each["system"] for each in found["runs"]] == [OURS, "copy"]
    assert found["left_out"].keys() == {"quix"}
    assert "make bench-install" in found["left_out"]["quix"]


def test_only_chooses_among_peers() -> None:
    assert run("--only", "storm").exit_code == 2
    alone = CliRunner().invoke(app, ["bench", "--only", "quix"])
    assert alone.exit_code == 2
    assert "--peers" in alone.output
