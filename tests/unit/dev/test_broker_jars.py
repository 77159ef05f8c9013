import hashlib
from pathlib import Path

import pytest

from pipeline.dev.broker import BrokerError, jars

CONTENT = {"first": b"one jar", "second": b"another jar"}


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock of two jars, no Maven and no network, as where a repository must do."""
    path = tmp_path / "jars.lock"
    lines = [
        f"org.example.{name}:{name}:1.0 {hashlib.sha256(content).hexdigest()}"
        for name, content in CONTENT.items()
    ]
    path.write_text("# Two jars.\n" + "\n".join(lines) + "\n")
    monkeypatch.setattr(jars, "broker_jars_lock", lambda: path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("SESAME_MAVEN_REPOSITORY", "http://127.0.0.1:1")
    monkeypatch.setenv("M2_REPO", str(tmp_path / "repository"))
    return path


def publish(repository: Path, name: str, content: bytes) -> None:
    folder = repository / "org" / "example" / name / name / "1.0"
    folder.mkdir(parents=True)
    (folder / f"{name}-1.0.jar").write_bytes(content)


@pytest.fixture
def repository(tmp_path: Path, lock: Path) -> Path:
    for name, content in CONTENT.items():
        publish(tmp_path / "repository", name, content)
    return tmp_path / "repository"


def test_the_committed_lock_names_each_jar_once_with_its_hash() -> None:
    locked = jars.read_lock()
    assert len({jar.file_name for jar in locked}) == len(locked)
    assert all(len(jar.sha256) == 64 for jar in locked)
    versions = {jar.name: jar.version for jar in locked}
    assert versions["kafka_2.13"] == versions["kafka-clients"] == jars.KAFKA_VERSION


def test_jars_come_from_the_local_repository(tmp_path: Path, repository: Path) -> None:
    paths = jars.provide(tmp_path / "cache")
    assert [path.read_bytes() for path in paths] == list(CONTENT.values())


def test_a_damaged_jar_is_replaced_and_the_class_archive_dropped(
    tmp_path: Path, repository: Path
) -> None:
    first, second = jars.provide(tmp_path / "cache")
    archive = tmp_path / "cache" / "classes-17.jsa"
    archive.write_bytes(b"")
    assert jars.provide(tmp_path / "cache") == [first, second]
    assert archive.exists()
    second.write_bytes(b"damaged")
    jars.provide(tmp_path / "cache")
    assert second.read_bytes() == CONTENT["second"]
    assert not archive.exists()


def test_what_is_not_the_locked_jar_is_never_taken(tmp_path: Path, lock: Path) -> None:
    publish(tmp_path / "repository", "first", CONTENT["first"])
    publish(tmp_path / "repository", "second", b"something else")
    with pytest.raises(BrokerError, match="jars"):
        jars.provide(tmp_path / "cache")
    assert not (tmp_path / "cache" / "second-1.0.jar").exists()


def test_the_cache_is_where_the_setting_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESAME_CACHE_DIR", "/somewhere")
    assert jars.cache_directory() == Path("/somewhere")
