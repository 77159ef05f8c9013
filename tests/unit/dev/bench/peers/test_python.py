import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.dev.bench.peers import python
from pipeline.dev.bench.peers.python import INSTALL, PYTHON, PythonPeer, held, interpreter
from pipeline.errors import SesameError


def state(pid: int) -> str:
    """The process's state as Linux has it: R, S, T for stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_peer_that_is_installed_tells_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python, "interpreter", lambda: sys.executable)
    told = PythonPeer("some", "no.module", "fastavro", ("fastavro",)).version()
    assert told.startswith("fastavro 1.")


def test_a_peer_that_is_not_installed_says_what_is_missing_and_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(python, "interpreter", lambda: sys.executable)
    with pytest.raises(SesameError, match=f"No module named 'storm'.*{INSTALL}"):
        PythonPeer("storm", "no.module", "fastavro", ("storm",)).version()


def test_a_python_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PYTHON, "/nowhere/bin/python")
    with pytest.raises(SesameError, match=f"/nowhere/bin/python.*{INSTALL}"):
        PythonPeer("some", "no.module", "fastavro", ("fastavro",)).version()


def test_peers_run_in_the_environment_of_their_own_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(PYTHON, raising=False)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert interpreter() == sys.executable
    own = tmp_path / "bench" / "bin" / "python"
    own.parent.mkdir(parents=True)
    own.touch()
    assert interpreter() == str(own)
    monkeypatch.setenv(PYTHON, "/opt/peers/bin/python")
    assert interpreter() == "/opt/peers/bin/python"


def fail_while_held(pid: int) -> None:
    with held(pid):
        while state(pid) != "T":
            time.sleep(0.01)
        raise RuntimeError("loading failed")


def test_a_held_process_stands_still_until_it_is_let_go_even_by_a_failure() -> None:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            with pytest.raises(RuntimeError, match="loading failed"):
                fail_while_held(process.pid)
            while state(process.pid) == "T":
                time.sleep(0.01)
        finally:
            process.kill()
