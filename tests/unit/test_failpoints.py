import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import pipeline
from pipeline import failpoints
from pipeline.failpoints import Failpoint, Order, UnreadableOrderError, parse


@pytest.fixture
def signals(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The signals this process would have sent itself."""
    sent: list[int] = []
    monkeypatch.setattr("os.kill", lambda _, number: sent.append(number))
    yield sent
    failpoints.arm([])


def test_an_order_says_point_passing_and_action() -> None:
    assert parse("lane.taken:3, restore.read:2:stop,sweep.scored") == [
        Order(Failpoint.LANE_TAKEN, 3, failpoints.Action.KILL),
        Order(Failpoint.RESTORE_READ, 2, failpoints.Action.STOP),
        Order(Failpoint.SWEEP_SCORED, 1, failpoints.Action.KILL),
    ]


@pytest.mark.parametrize("text", ["lane.lost", "lane.taken:0", "lane.taken:x", "lane.taken:1:burn"])
def test_what_is_no_order_is_refused(text: str) -> None:
    with pytest.raises(UnreadableOrderError):
        parse(text)


def test_nothing_happens_at_a_point_while_nothing_is_armed(signals: list[int]) -> None:
    for point in Failpoint:
        failpoints.hit(point)
    assert not signals


def test_only_the_ordered_passing_of_the_ordered_point_counts(signals: list[int]) -> None:
    failpoints.arm(parse("lane.taken:2,lane.taken:3:stop"))
    failpoints.hit(Failpoint.LANE_ACKNOWLEDGED)
    failpoints.hit(Failpoint.LANE_TAKEN)
    assert not signals
    failpoints.hit(Failpoint.LANE_TAKEN)
    failpoints.hit(Failpoint.LANE_TAKEN)
    failpoints.hit(Failpoint.LANE_TAKEN)
    assert signals == [signal.SIGKILL, signal.SIGSTOP]


def test_an_armed_process_dies_by_kill_9_at_its_point() -> None:
    program = (
        "from pipeline import failpoints as f; f.arm(f.parse('lane.taken:2'));"
        "[f.hit(f.Failpoint.LANE_TAKEN) for _ in range(2)]; print('still there')"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)  # noqa: S603
    assert ended.returncode == -signal.SIGKILL
    assert not ended.stdout


def test_every_point_lies_somewhere_in_the_program() -> None:
    passed: set[str] = set()
    for path in Path(pipeline.__file__).parent.rglob("*.py"):
        passed.update(re.findall(r"\bhit\(Failpoint\.([A-Z_]+)\)", path.read_text()))
    assert passed == set(Failpoint.__members__)
