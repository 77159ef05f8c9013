"""A peer beside ours on little, where it can run."""

import json
import os
from collections.abc import Mapping
from typing import Any

import pytest
from typer.testing import Result

from pipeline.dev.bench.arithmetic import OURS
from pipeline.dev.bench.peers.registry import System, probe
from tests.integration.dev.bench.commands import run

SIZE = ("--people", "240", "--events", "9000", "--runs", "1")


def compare(*options: str) -> Mapping[str, Any]:
    """What the command tells of the systems that the options name."""
    return told(run("--peers", *SIZE, *options))


def told(result: Result) -> Mapping[str, Any]:
    """The result of a command that went well."""
    assert result.exit_code == 0, result.output
    found: Mapping[str, Any] = json.loads(result.stdout)
    return found


def require(system: System) -> None:
    """Go on where the system can run; where everything has to be there, fail without it."""
    _, left_out = probe([system], lambda _: None)
    if left_out and not os.environ.get("SESAME_TEST_REQUIRE_ALL"):
        pytest.skip(left_out[system.name])
    assert left_out == {}


def assert_scores_as_we_do(system: System) -> None:
    """Run it beside ours."""
    require(system)
    found = compare("--only", system.name, "--peer-events", "9000")
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
