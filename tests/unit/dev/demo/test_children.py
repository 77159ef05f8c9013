import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import settings
from pipeline.dev.demo.children import Child, Command
from pipeline.dev.demo.errors import DemoError
from pipeline.dev.demo.services import check_port, free_port
from pipeline.dev.demo.workspace import Workspace


def wait_until(condition: Callable[[], bool], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_a_command_prints_is_returned_and_what_it_logs_is_not(tmp_path: Path) -> None:
    child = Child(Command("schema list", ["schemas", "list", "--json"], {}), tmp_path)
    wait_until(lambda: not child.running)
    assert '"consents-value"' in child.stop()


def test_a_command_that_ended_shows_the_end_of_its_log(tmp_path: Path) -> None:
    child = Child(Command("worker", ["worker"], {"SESAME_PARTITIONS": "none"}), tmp_path)
    wait_until(lambda: not child.running)
    with pytest.raises(DemoError, match=r"the worker ended with status 2; .*\n.*SESAME_PARTITIONS"):
        child.check()


def test_a_killed_command_says_so(tmp_path: Path) -> None:
    child = Child(Command("worker", ["settings"], {}), tmp_path)
    os.kill(child.pid, signal.SIGKILL)
    wait_until(lambda: not child.running)
    with pytest.raises(DemoError, match="by SIGKILL"):
        child.check()
    child.kill()


def test_a_workspace_is_gone_afterwards() -> None:
    with Workspace() as workspace:
        (workspace.directory / "log").write_text("x")
    assert not workspace.directory.exists()


def test_a_workspace_is_gone_after_kill_9() -> None:
    code = """
        import time
        from pipeline.dev.demo.workspace import Workspace
        print(Workspace().directory, flush=True)
        time.sleep(60)
    """
    parent = subprocess.Popen(  # noqa: S603 - this Python
        [sys.executable, "-c", "\n".join(map(str.strip, code.splitlines()))],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    directory = Path(parent.stdout.readline().strip())
    assert directory.is_dir()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: not directory.exists())


def test_a_port_in_use_is_named_with_the_setting_that_helps() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(DemoError, match=rf"port {port} .*SESAME_WEB_PORT"):
            check_port(settings.load(web_port=port))
    check_port(settings.load(web_port=port))


def test_a_free_port_can_be_listened_on() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", free_port("127.0.0.1")))
