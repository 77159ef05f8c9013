import json
from pathlib import Path

import pytest

from tests.integration.dev.bench.commands import run, topics_left

pytestmark = pytest.mark.slow


@pytest.fixture(params=["memory", "rocksdb"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where people's rows are, on disk too."""
    monkeypatch.setenv("SESAME_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("SESAME_STORE", request.param)
    return str(request.param)


def test_a_start_from_what_is_on_disk_is_kept_apart(
    kafka: str, topic_prefix: str, tmp_path: Path, store: str
) -> None:
    name = {"memory": "recovery-checkpoints.json", "rocksdb": "recovery-rocksdb.json"}[store]
    result = run("--recovery", "--restored", "5000", "--save", str(tmp_path))
    assert result.exit_code == 0, result.output
    assert [file.name for file in tmp_path.glob("*.json")] == [name]
    recovery = json.loads((tmp_path / name).read_text())["recovery"]
    assert recovery["store"] == store
    assert recovery["again"]["seconds"] > 0
    assert recovery["take_over"] is None
    assert topics_left(kafka, topic_prefix) == []


def test_a_restored_worker_is_timed_and_weighed(kafka: str, topic_prefix: str) -> None:
    result = run("--recovery", "--restored", "5000")
    assert result.exit_code == 0, result.output
    recovery = json.loads(result.stdout)["recovery"]
    assert recovery["people"] == 5_000
    assert recovery["changelog_records"] >= 2 * 5_000
    assert recovery["full"]["rss_mb"] > recovery["empty"]["rss_mb"] > 50
    assert recovery["full"]["peak_rss_mb"] >= recovery["full"]["rss_mb"]
    assert 0 < recovery["take_over"]["people"] < 5_000
    # Of more than 10,000; a lane that is asked to confirm writes its position.
    assert recovery["take_over"]["records_read"] < 10
    assert recovery["people_per_second"] == pytest.approx(5_000 / recovery["full"]["seconds"])
    assert topics_left(kafka, topic_prefix) == []
