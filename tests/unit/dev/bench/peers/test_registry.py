import os
from pathlib import Path

import pytest

from pipeline.dev.bench.peers.registry import Say, Share, System, choose, in_turn, known, probe
from pipeline.dev.bench.systems import Bench, Measured
from pipeline.dev.bench.workload import Workload
from pipeline.errors import RefusedError, SesameError
from pipeline.settings import Settings, load

OTHERS = ["faust", "quix", "bytewax", "kafka-streams", "flink"]


def never(bench: Bench, workload: Workload, number: int, settings: Settings) -> Measured:
    raise AssertionError("choosing runs nothing")


def absent(_: Say) -> str:
    raise SesameError("no JDK is installed")


def quiet(_: str) -> None:
    """Nobody looks."""


def system(name: str, workers: int = 0) -> System:
    return System(name, never, lambda _: f"{name} 1.0", Share.FEW, workers=workers)


@pytest.fixture
def four_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})


@pytest.mark.usefixtures("four_processors")
def test_every_system_is_known_once_by_its_fixed_name_and_in_order() -> None:
    names = [each.name for each in known(load(partitions=8))]
    assert names == ["sesame", "copy", "sesame-4", "copy-4", *OTHERS]


@pytest.mark.usefixtures("four_processors")
def test_no_worker_is_without_a_partition() -> None:
    names = [each.name for each in known(load(partitions=3))]
    assert names == ["sesame", "copy", "sesame-3", "copy-3", *OTHERS]


@pytest.mark.parametrize(("processors", "partitions"), [(1, 8), (4, 1)])
def test_where_there_is_work_for_one_worker_alone_it_is_the_only_one(
    monkeypatch: pytest.MonkeyPatch, processors: int, partitions: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(processors)))
    names = [each.name for each in known(load(partitions=partitions))]
    assert names == ["sesame", "copy", *OTHERS]


@pytest.mark.usefixtures("four_processors")
def test_slow_systems_get_few_events_and_copies_score_nothing() -> None:
    by_name = {each.name: each for each in known(load())}
    few = {name for name, each in by_name.items() if each.share is Share.FEW}
    assert few == {"faust", "quix", "bytewax"}
    assert [name for name, each in by_name.items() if not each.scores] == ["copy", "copy-4"]
    assert by_name["sesame-4"].version(quiet).endswith(", 4 workers")


def test_without_names_all_are_chosen() -> None:
    systems = known(load())
    assert choose(systems, []) == list(systems)


def test_ours_runs_beside_whatever_is_chosen() -> None:
    chosen = choose(known(load()), ["bytewax", "quix"])
    assert [each.name for each in chosen] == ["sesame", "quix", "bytewax"]


@pytest.mark.usefixtures("four_processors")
def test_copies_run_behind_the_workers_whose_writing_they_copy() -> None:
    systems = known(load(partitions=8))
    assert [each.name for each in choose(systems, ["copy-4"])] == ["sesame", "sesame-4", "copy-4"]
    assert [each.name for each in choose(systems, ["sesame-4"])] == ["sesame", "sesame-4"]
    assert [each.name for each in choose(systems, ["copy"])] == ["sesame", "copy"]


def test_an_unknown_name_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(RefusedError, match=r"no system is named storm; there are .*quix"):
        choose(known(load()), ["quix", "storm"])


def test_ours_lead_in_their_order_and_the_others_begin_with_another_in_each_round() -> None:
    ours = [system("sesame", 1), system("copy", 1), system("sesame-2", 2)]
    systems = [*ours[:2], *map(system, ("faust", "quix", "flink")), ours[2]]
    orders = [[each.name for each in in_turn(systems, number)] for number in (1, 2, 3, 4)]
    assert [order[-3:] for order in orders] == [
        ["faust", "quix", "flink"],
        ["quix", "flink", "faust"],
        ["flink", "faust", "quix"],
        ["faust", "quix", "flink"],
    ]
    assert {tuple(order[:-3]) for order in orders} == {("sesame", "copy", "sesame-2")}
    assert in_turn(systems[:1], 2) == systems[:1]


def test_a_system_that_cannot_run_here_is_left_out_with_the_reason() -> None:
    missing = System("flink", never, absent, Share.ALL)
    versions, left_out = probe([system("sesame"), missing, system("quix")], quiet)
    assert versions == {"sesame": "sesame 1.0", "quix": "quix 1.0"}
    assert left_out == {"flink": "no JDK is installed"}


def test_a_peer_that_maven_cannot_build_is_left_out_before_any_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maven = tmp_path / "mvn"
    maven.write_text("#!/bin/sh\necho 'cannot find symbol'\nexit 1\n")
    maven.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    chosen = choose(known(load(cache_dir=tmp_path / "cache")), ["kafka-streams", "copy"])
    versions, left_out = probe(chosen, quiet)
    assert list(versions) == ["sesame", "copy"]
    assert "cannot find symbol" in left_out["kafka-streams"]
