"""What chaos does to processes is what it says, before it is believed about workers."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.dev.chaos.children import KILLED, Child
from pipeline.dev.chaos.nursery import Nursery

ENDED_S = 240.0


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    made = Nursery()
    yield made
    made.close()


@pytest.fixture(params=["forked", "anew"])
def source(request: pytest.FixtureRequest, nursery: Nursery) -> Nursery | None:
    """Where a process comes from."""
    return nursery if request.param == "forked" else None


def worker(log: Path, source: Nursery | None, orders: str = "") -> Child:
    """One that finds no broker, and so does nothing for a while."""
    nobody = {"SESAME_BOOTSTRAP": "127.0.0.1:1", "SESAME_REQUEST_TIMEOUT_S": "300"}
    return Child("worker", ["worker"], nobody, log, orders, source)


def test_a_command_ends_as_it_does_by_itself_and_its_output_is_kept(
    tmp_path: Path, source: Nursery | None
) -> None:
    log = tmp_path / "log"
    child = Child("settings", ["settings"], {"SESAME_PARTITIONS": "none"}, log, nursery=source)
    assert child.wait(ENDED_S).status == 2
    assert "SESAME_PARTITIONS is 'none'" in log.read_text()


def test_a_kill_is_seen_as_one(tmp_path: Path, source: Nursery | None) -> None:
    child = worker(tmp_path / "log", source)
    assert child.ended() is None
    assert child.rss_bytes > 0
    child.signal(signal.SIGKILL)
    ended = child.wait(ENDED_S)
    assert ended.killed
    assert ended.status == KILLED


def test_a_stopped_process_is_there_and_goes_on(tmp_path: Path, source: Nursery | None) -> None:
    child = worker(tmp_path / "log", source)
    assert not child.stopped
    child.signal(signal.SIGSTOP)
    assert child.until_stopped(ENDED_S)
    assert child.running
    child.signal(signal.SIGCONT)
    child.signal(signal.SIGTERM)
    assert not child.wait(ENDED_S).killed


def test_unknown_failpoints_keep_a_worker_from_starting(
    tmp_path: Path, source: Nursery | None
) -> None:
    child = worker(tmp_path / "log", source, orders="lane.lost:1")
    assert child.wait(ENDED_S).status == 2
    assert "there is no point lane.lost" in (tmp_path / "log").read_text()


def test_with_the_nursery_all_that_it_forked_ends(tmp_path: Path) -> None:
    short_lived = Nursery()
    child = worker(tmp_path / "log", short_lived)
    short_lived.close()
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)
