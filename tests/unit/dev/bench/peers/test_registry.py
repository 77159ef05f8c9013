from pathlib import Path

import pytest

from pipeline.dev.bench.peers.registry import Say, Share, System, choose, in_turn, known, probe
from pipeline.dev.bench.systems import Bench, Measured
from pipeline.dev.bench.workload import Workload
from pipeline.errors import RefusedError, SesameError
from pipeline.settings import Settings, load

NAMES = ("sesame", "copy", "faust", "quix", "bytewax", "kafka-streams", "flink")


def never(bench: Bench, workload: Workload, number: int, settings: Settings) -> Measured:
    raise AssertionError("choosing runs nothing")


def absent(_: Say) -> str:
    raise SesameError("no JDK is installed")


def quiet(_: str) -> None:
    """Nobody looks."""


def system(name: str) -> System:
    return System(name, never, lambda _: f"{name} 1.0", Share.FEW)


def test_every_system_is_known_once_by_its_fixed_name_and_in_order() -> None:
    names = [each.name for each in known(load())]
    assert names == list(NAMES)


def test_slow_systems_get_few_events_and_the_copy_scores_nothing() -> None:
    by_name = {each.name: each for each in known(load())}
    few = {name for name, each in by_name.items() if each.share is Share.FEW}
    assert few == {"faust", "quix", "bytewax"}
    assert [name for name, each in by_name.items() if not each.scores] == ["copy"]


def test_without_names_all_are_chosen() -> None:
    systems = known(load())
    assert choose(systems, []) == list(systems)


def test_ours_runs_beside_whatever_is_chosen() -> None:
    chosen = choose(known(load()), ["bytewax", "quix"])
    assert [each.name for each in chosen] == ["sesame", "quix", "bytewax"]


def test_an_unknown_name_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(RefusedError, match=r"no system is named storm; there are .*quix"):
        choose(known(load()), ["quix", "storm"])


def test_the_copy_follows_ours_and_the_others_begin_with_another_in_each_round() -> None:
    systems = [system(name) for name in ("sesame", "faust", "quix", "flink", "copy")]
    orders = [[each.name for each in in_turn(systems, number)] for number in (1, 2, 3, 4)]
    assert [order[-3:] for order in orders] == [
        ["faust", "quix", "flink"],
        ["quix", "flink", "faust"],
        ["flink", "faust", "quix"],
        ["faust", "quix", "flink"],
    ]
    assert {tuple(order[:2]) for order in orders} == {("sesame", "copy")}
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
