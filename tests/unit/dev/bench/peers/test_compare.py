from collections import defaultdict

import pytest

from pipeline.dev.bench.arithmetic import Run
from pipeline.dev.bench.check import Checked
from pipeline.dev.bench.peers.compare import Peers, Plan
from pipeline.dev.bench.peers.registry import known
from pipeline.dev.bench.readback import Volume, Written
from pipeline.dev.bench.workload import Workload
from pipeline.settings import load

WHOLE = Workload(people=100, events=10_000, seed=1)
FEW = WHOLE.scaled(2_000)


def run(system: str, number: int, rate: float, events: int) -> Run:
    return Run(system, number, events, rate, events / rate, 1.0, 100.0)


def test_slow_systems_get_the_same_mix_of_fewer_people() -> None:
    plan = Plan(known(load()), WHOLE, FEW, runs=3)
    got = {system.name: plan.workload(system).people for system in plan.systems}
    assert all(got[system.name] == 100 for system in plan.systems if system.workers)
    assert got["sesame"] == got["copy"] == 100
    assert got["faust"] == got["quix"] == got["bytewax"] == 20


def test_the_result_has_runs_medians_and_ratios_by_round_whatever_the_events() -> None:
    found = Peers(
        FEW, {"sesame": "1", "quix": "3"}, {"sesame": "all", "quix": "few"}, {"flink": "no JDK"}
    )
    found.runs = [
        run("sesame", 1, 100_000.0, 10_000),
        run("quix", 1, 5_000.0, 2_000),
        run("sesame", 2, 60_000.0, 10_000),
        run("quix", 2, 2_000.0, 2_000),
        run("sesame", 3, 80_000.0, 10_000),
        run("quix", 3, 4_000.0, 2_000),
    ]
    for records in (400, 500, 600):
        volumes = {"scores": Volume(records, 1), "score-changes": Volume(9_000, 1)}
        found.written["quix"].append(Written(defaultdict(Volume, volumes)))
    found.checked["quix"] = Checked(people=20, scored=18)
    told = found.as_json()
    assert told["ratios"] == {"quix": 20.0}
    assert [(run["system"], run["events"]) for run in told["runs"][:2]] == [
        ("sesame", 10_000),
        ("quix", 2_000),
    ]
    assert {"events_per_second", "cpu_seconds", "peak_rss_mb"} <= told["runs"][0].keys()
    ours, theirs = told["summaries"]
    assert (ours["events_per_second"], ours["lowest"], ours["highest"]) == (80e3, 60e3, 100e3)
    assert theirs["cpu_us_per_event"] == pytest.approx(500.0)
    assert told["few"] == {"people": 20, "events": 2_000, "seed": 1}
    assert told["left_out"] == {"flink": "no JDK"}
    assert told["published"] == {"quix": 0.25}
    assert told["written"]["quix"]["topics"]["scores"]["records"] == 400
    assert told["checked"] == {"quix": {"people": 20, "scored": 18}}


def test_each_number_of_workers_is_over_every_peer_and_over_its_own_copies_only() -> None:
    workers = {"sesame": 1, "copy": 1, "sesame-2": 2, "copy-2": 2}
    found = Peers(FEW, {}, {}, {}, workers)
    rates = {"sesame": 100.0, "copy": 400.0, "sesame-2": 150.0, "copy-2": 600.0, "flink": 120.0}
    found.runs = [run(name, 1, rate, 1_000) for name, rate in rates.items()]
    told = found.as_json()
    assert told["ratios"] == {
        "copy": 0.25,
        "sesame-2": pytest.approx(100 / 150),
        "flink": pytest.approx(100 / 120),
    }
    assert told["several"] == {
        "system": "sesame-2",
        "workers": 2,
        "ratios": {"sesame": 1.5, "copy-2": 0.25, "flink": 1.25},
    }


def test_without_a_run_of_several_workers_there_are_no_ratios_of_them() -> None:
    found = Peers(FEW, {}, {}, {}, {"sesame": 1})
    found.runs = [run("sesame", 1, 100.0, 1_000), run("flink", 1, 120.0, 1_000)]
    assert found.several is None
    assert found.as_json()["several"] is None
