from pathlib import Path

import pytest

from pipeline import settings
from pipeline.dev.bench import jvm, jvm_build
from pipeline.dev.bench.jvm import Tuning
from pipeline.dev.bench.jvm_build import JvmBuildError, class_path, declared_version


def test_without_maven_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(JvmBuildError, match=r"no mvn is on PATH.*apt-get install maven"):
        class_path("scoring", tmp_path / "cache", lambda _: None)


def test_without_a_checkout_it_is_said_where_the_sources_should_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jvm_build, "SOURCES", tmp_path / "gone")
    with pytest.raises(JvmBuildError, match="gone is not there"):
        class_path("scoring", tmp_path, lambda _: None)


def test_what_maven_says_of_sources_that_do_not_build_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maven = tmp_path / "mvn"
    maven.write_text("#!/bin/sh\necho 'cannot find symbol'\nexit 1\n")
    maven.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(JvmBuildError, match="cannot find symbol"):
        class_path("scoring", tmp_path / "cache", lambda _: None)
    assert not list((tmp_path / "cache").iterdir())


def test_what_was_built_of_the_same_sources_is_not_built_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "pom.xml").write_text("<project/>")
    monkeypatch.setattr(jvm_build, "SOURCES", sources)
    maven = tmp_path / "mvn"
    maven.write_text(
        f"#!/bin/sh\necho x >> {tmp_path}/calls\n"
        "mkdir -p peer/target/lib && touch peer/target/peer-1.jar peer/target/lib/dependency.jar\n"
    )
    maven.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    first = class_path("peer", tmp_path / "cache", lambda _: None)
    assert class_path("peer", tmp_path / "cache", lambda _: None) == first
    assert (tmp_path / "calls").read_text() == "x\n"
    folder = Path(first.split(":")[0]).parent
    assert sorted(p.name for p in folder.rglob("*.jar")) == ["dependency.jar", "peer-1.jar"]
    (sources / "pom.xml").write_text("<project></project>")
    assert class_path("peer", tmp_path / "cache", lambda _: None) != first


def test_only_what_is_chosen_is_told_to_a_peer() -> None:
    assert Tuning().environment() == {"SESAME_BENCH_EXACTLY_ONCE": "false"}
    chosen = Tuning(exactly_once=True, commit_ms=20, poll_ms=5, task_idle_ms=-1, gc=("-XX:+Some",))
    assert chosen.environment() == {
        "SESAME_BENCH_EXACTLY_ONCE": "true",
        "SESAME_BENCH_COMMIT_MS": "20",
        "SESAME_BENCH_POLL_MS": "5",
        "SESAME_BENCH_TASK_IDLE_MS": "-1",
    }
    assert chosen.told() == {**chosen.environment(), "JVM": "-XX:+Some"}


def test_the_version_of_what_a_peer_runs_on_is_that_of_its_build_file() -> None:
    assert declared_version("kafka-streams", "kafka-streams") == "4.1.1"
    assert declared_version("flink", "flink-streaming-java") == "2.1.0"
    with pytest.raises(JvmBuildError, match="declares no heron"):
        declared_version("flink", "heron")


def test_a_peer_is_built_before_its_version_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maven = tmp_path / "mvn"
    maven.write_text("#!/bin/sh\nmkdir -p flink/target/lib && touch flink/target/flink-1.jar\n")
    maven.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    said: list[str] = []
    chosen = settings.load(cache_dir=tmp_path / "cache")
    assert jvm.version("flink", chosen, said.append) == "flink-streaming-java 2.1.0"
    assert said == ["building flink with Maven, once"]
    assert list(tmp_path.rglob("flink-1.jar"))


def test_a_peer_that_cannot_be_built_has_no_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(JvmBuildError, match="no mvn is on PATH"):
        jvm.version("flink", settings.load(cache_dir=tmp_path), lambda _: None)
