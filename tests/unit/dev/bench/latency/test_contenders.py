from pathlib import Path

import pytest

from pipeline.dev.bench.latency.contenders import able_to_run, choose
from pipeline.dev.bench.systems import Bench
from pipeline.errors import RefusedError
from pipeline.settings import load


def test_without_names_everybody_is_measured_and_ours_come_first() -> None:
    names = [each.name for each in choose([])]
    assert names == ["sesame", "gateway", "kafka-streams", "kafka-streams-tuned"]


def test_one_can_be_measured_alone() -> None:
    assert [each.name for each in choose(["kafka-streams-tuned"])] == ["kafka-streams-tuned"]


def test_an_unknown_contender_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(RefusedError, match=r"no contender is named flink; there are sesame, gate"):
        choose(["flink", "sesame"])


def without_maven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    maven = tmp_path / "mvn"
    maven.write_text(f"#!/bin/sh\ntouch {tmp_path}/asked\necho 'cannot find symbol'\nexit 1\n")
    maven.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return Bench(load(cache_dir=tmp_path / "cache"), tmp_path, lambda _: None)


def test_what_cannot_be_built_is_left_out_by_its_name_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = without_maven(tmp_path, monkeypatch)
    able, left_out = able_to_run(bench, choose(["gateway", "kafka-streams-tuned"]))
    assert [each.name for each in able] == ["gateway"]
    assert left_out.keys() == {"kafka-streams-tuned"}
    assert left_out["kafka-streams-tuned"]


def test_nothing_is_built_for_ours_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = without_maven(tmp_path, monkeypatch)
    able, left_out = able_to_run(bench, choose(["sesame"]))
    assert ([each.name for each in able], left_out) == (["sesame"], {})
    assert not (tmp_path / "asked").exists()
