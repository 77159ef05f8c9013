import os
import sys
import time
from pathlib import Path

import pytest

from pipeline.dev.bench.child import Child, ChildEndedError, Group

WAITS = "import time; print('up', flush=True); time.sleep(60)"


def wait_for(log: Path, text: str) -> None:
    while text not in log.read_text():
        time.sleep(0.01)


def test_a_childs_memory_is_its_own_not_its_parents(tmp_path: Path) -> None:
    ballast = bytearray(os.urandom(1) * 400_000_000)
    with Child([sys.executable, "-c", WAITS], {}, tmp_path / "log") as child:
        wait_for(tmp_path / "log", "up")
        assert 1_000_000 < child.rss_bytes <= child.peak_rss_bytes < 200_000_000
    assert len(ballast) == 400_000_000


def test_processor_time_is_sampled_and_never_falls(tmp_path: Path) -> None:
    with Child([sys.executable, "-c", "while True: pass"], {}, tmp_path / "log") as child:
        while not child.samples or child.samples[-1][1] == 0:
            time.sleep(0.01)
    used = [seconds for _, seconds in child.samples]
    assert used == sorted(used)
    assert used[-1] > 0


def test_a_child_that_ended_is_told_with_the_end_of_its_output(tmp_path: Path) -> None:
    code = "import sys; print('no such broker'); sys.exit(3)"
    with Child([sys.executable, "-c", code], {}, tmp_path / "log") as child:
        wait_for(tmp_path / "log", "no such broker")
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(ChildEndedError, match=r"status 3:\nno such broker"):
            child.check()


def test_a_child_sees_the_environment_it_is_given(tmp_path: Path) -> None:
    code = "import os, time; print(os.environ['SESAME_X'], flush=True); time.sleep(60)"
    with Child([sys.executable, "-c", code], {"SESAME_X": "told"}, tmp_path / "log") as child:
        wait_for(tmp_path / "log", "told")
        child.check()


def test_a_groups_memory_and_processor_time_are_those_of_all(tmp_path: Path) -> None:
    busy = "print('up', flush=True)\nwhile True: pass"
    children = [Child([sys.executable, "-c", busy], {}, tmp_path / name) for name in "ab"]
    with Group(children) as group:
        for name, child in zip("ab", children, strict=True):
            wait_for(tmp_path / name, "up")
            while len(child.samples) < 3 or child.samples[-1][1] == 0:
                time.sleep(0.01)
        group.check()
        peaks = [child.peak_rss_bytes for child in children]
        assert group.peak_rss_bytes >= sum(peaks)
        assert group.rss_bytes > max(child.rss_bytes for child in children)
    last = [child.samples[-1][1] for child in children]
    assert min(last) > 0
    assert group.samples[-1][1] == pytest.approx(sum(last))


def test_a_group_goes_on_only_while_all_run_and_ends_all(tmp_path: Path) -> None:
    code = "import sys; print('no such broker'); sys.exit(3)"
    stays, ends = (
        Child([sys.executable, "-c", each], {}, tmp_path / str(number))
        for number, each in enumerate((WAITS, code))
    )
    with Group([stays, ends]) as group:
        os.waitid(os.P_PID, ends.pid, os.WEXITED | os.WNOWAIT)
        stays.check()
        with pytest.raises(ChildEndedError, match=r"status 3:\nno such broker"):
            group.check()
    with pytest.raises(ChildEndedError, match="status -15"):
        stays.check()


def test_a_group_whose_second_cannot_start_ends_the_first(tmp_path: Path) -> None:
    first = Child([sys.executable, "-c", WAITS], {}, tmp_path / "first")
    missing = Child([str(tmp_path / "nothing")], {}, tmp_path / "second")
    with pytest.raises(FileNotFoundError), Group([first, missing]):
        pass
    with pytest.raises(ChildEndedError, match="status -15"):
        first.check()


WAITS_FOR_THE_OTHER = """
import pathlib, signal, sys, time
def end(*_):
    own, other = map(pathlib.Path, sys.argv[1:])
    own.touch()
    for _ in range(500):
        if other.exists():
            sys.exit(0)
        time.sleep(0.02)
    sys.exit(1)
signal.signal(signal.SIGTERM, end)
print('up', flush=True)
time.sleep(60)
"""


TELLS_OF_EACH_SIGNAL = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: print('asked', flush=True))
print('up', flush=True)
time.sleep(1)
time.sleep(1)
"""


def test_it_is_asked_to_end_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with Group([Child([sys.executable, "-c", TELLS_OF_EACH_SIGNAL], {}, log)]):
        wait_for(log, "up")
    assert log.read_text().split() == ["up", "asked"]


def test_all_of_a_group_are_asked_to_end_before_any_is_waited_for(tmp_path: Path) -> None:
    one, other = (str(tmp_path / f"asked-{name}") for name in "ab")
    children = [
        Child([sys.executable, "-c", WAITS_FOR_THE_OTHER, *files], {}, tmp_path / files[0][-1])
        for files in ((one, other), (other, one))
    ]
    with Group(children):
        for name in "ab":
            wait_for(tmp_path / name, "up")
    for child in children:
        with pytest.raises(ChildEndedError, match="ended with status 0"):
            child.check()
