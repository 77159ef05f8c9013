import os
import time
from pathlib import Path

import pytest

from pipeline.dev.bench.child import ChildEndedError
from pipeline.dev.bench.ours import Workers
from pipeline.settings import Settings, load

TELLS = """
import os, time
print(os.environ["SESAME_WEB_PORT"], os.environ.get("SESAME_STATE_DIR"), flush=True)
time.sleep(60)
"""


@pytest.fixture
def telling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str]:
    """A module in a worker's place that tells what it was given."""
    (tmp_path / "telling.py").write_text(TELLS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    return ("telling",)


def told(settings: Settings, number: int, module: tuple[str], log: Path) -> list[list[str]]:
    with Workers(settings, number, log, module) as workers:
        while (text := log.read_text()).count("\n") < number:
            workers.check()
            time.sleep(0.01)
    return [line.split() for line in text.splitlines()]


def test_each_of_several_workers_has_a_port_and_a_folder_of_its_own(
    telling: tuple[str], tmp_path: Path
) -> None:
    settings = load(state_dir=tmp_path / "state", web_port=16_066)
    found = told(settings, 3, telling, tmp_path / "log")
    assert "16066" in {port for port, _ in found}
    assert len({port for port, _ in found}) == 3
    wanted = {str(tmp_path / "state" / f"worker-{number}") for number in range(3)}
    assert {folder for _, folder in found} == wanted


def test_one_worker_alone_has_what_the_settings_say(
    telling: tuple[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "state"
    monkeypatch.setenv("SESAME_STATE_DIR", str(folder))
    found = told(load(web_port=16_066), 1, telling, tmp_path / "log")
    assert found == [["16066", str(folder)]]


def test_workers_that_end_before_they_are_ready_are_told(tmp_path: Path) -> None:
    workers = Workers(load(), 2, tmp_path / "log", ("no_such_module",))
    with workers, pytest.raises(ChildEndedError, match="No module named no_such_module"):
        workers.wait_ready()
