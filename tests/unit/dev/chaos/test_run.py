import pytest

from pipeline.dev.chaos.errors import ChaosError
from pipeline.dev.chaos.report import Outcome, Report
from pipeline.dev.chaos.run import chosen
from pipeline.dev.chaos.scenarios.kills import points_of
from pipeline.dev.chaos.scenarios.table import SCENARIOS, SHORT
from pipeline.dev.chaos.verdict import Verdict
from pipeline.failpoints import Failpoint


def outcome(verdict: Verdict | None = None, error: str | None = None) -> Outcome:
    return Outcome(
        scenario="zombie",
        seed=1,
        seconds=1.0,
        kills=2,
        rebalances=3,
        broker_faults=1,
        exits={0: 1, 247: 2},
        points=("lane.taken",),
        verdict=verdict,
        error=error,
    )


def test_every_point_is_one_that_workers_gateways_or_replays_pass() -> None:
    replays = {point for point in Failpoint if point.startswith(("replay.", "switch."))}
    assert {*points_of("worker"), *points_of("gateway")} == set(Failpoint) - replays


def test_all_scenarios_are_run_where_none_is_named() -> None:
    assert chosen([]) == list(SCENARIOS.values())
    assert set(SHORT) <= set(SCENARIOS.values())


def test_an_unknown_scenario_is_refused_with_those_there_are() -> None:
    with pytest.raises(ChaosError, match=r"no scenario earthquake; there are .*zombie"):
        chosen(["zombie", "earthquake"])


def test_a_run_holds_only_if_all_of_it_does() -> None:
    assert not Report(1).holds
    assert Report(1, [outcome(Verdict())]).holds
    assert not Report(1, [outcome(Verdict()), outcome(Verdict(gaps=1))]).holds
    assert not Report(1, [outcome(Verdict()), outcome(error="it did not come about")]).holds


def test_a_report_sums_what_its_scenarios_found() -> None:
    found = Report(7, [outcome(Verdict(events=5, lost=1)), outcome(Verdict(events=6))]).as_json()
    assert (found["seed"], found["kills"], found["rebalances"], found["broker_faults"]) == (
        7,
        4,
        6,
        2,
    )
    assert (found["events"], found["lost"], found["doubled"], found["holds"]) == (11, 1, 0, False)
