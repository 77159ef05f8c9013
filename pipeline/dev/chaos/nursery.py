"""Forks ``sesame`` commands from a process that has imported everything already.

Starting Python and importing the stream takes two seconds of a processor, which would be most
of what a run with hundreds of kills does. What is forked is the command as it is, in a process
of its own: its environment, its log, its end by whatever signal. All of them end with the nursery,
and the nursery with whoever asked for it.

`python -m pipeline.dev.chaos.nursery` reads requests and writes answers, a line of JSON each.
"""

import contextlib
import ctypes
import faulthandler
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.dev.chaos.errors import ChaosError

_IMPORTED = (
    *("pipeline.cli.main", "pipeline.cli.worker", "pipeline.cli.gateway", "pipeline.scoring.model"),
    *("pipeline.streaming.worker", "pipeline.streaming.factor_flow", "pipeline.gateway.flow"),
    *("pipeline.streaming.topic_check", "pipeline.gateway.reload", "pipeline.gateway.worker"),
)
CLOCK = "CHAOS_CLOCK"
"""A variable that names the file by which a command's clock is wrong, in milliseconds."""
_POLL_S = 0.02
_STARTED_S = 60.0
_PR_SET_PDEATHSIG = 1


class Forked:
    """One forked command."""

    def __init__(self, nursery: "Nursery", pid: int) -> None:
        self.pid = pid
        self._nursery = nursery

    def poll(self) -> int | None:
        """Its exit status, 256 less the signal's number for a signal; None while it is there."""
        return self._nursery.status(self.pid)

    def wait(self, seconds: float) -> None:
        """Wait until it has ended, for at most so long."""
        deadline = time.monotonic() + seconds
        while self.poll() is None and time.monotonic() < deadline:
            time.sleep(_POLL_S)


class Nursery:
    """The forking process, from the side of who asks; methods may be called by any thread."""

    def __init__(self) -> None:
        """Start it; the first fork waits until everything is imported."""
        self._ended: dict[int, int] = {}
        self._born: list[int] = []
        self._asking = threading.Lock()
        self._news = threading.Condition()
        self._process = subprocess.Popen(  # noqa: S603 - this Python and this module
            [sys.executable, "-P", "-m", __name__],
            # Threads of a numeric library would not live on in a fork.
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._listen, name="nursery", daemon=True).start()

    def fork(self, arguments: Sequence[str], variables: Mapping[str, str], log: Path) -> Forked:
        """Start a command.

        Args:
            arguments: Of ``sesame``.
            variables: Its whole environment.
            log: Gets what it writes.

        Raises:
            ChaosError: The nursery has ended.
        """
        request = {"arguments": list(arguments), "variables": dict(variables), "log": str(log)}
        with self._asking:
            if self._process.stdin is None or self._process.poll() is not None:
                raise ChaosError("the nursery has ended")
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            with self._news:
                if not self._news.wait_for(lambda: bool(self._born), _STARTED_S):
                    raise ChaosError("the nursery does not answer")
                return Forked(self, self._born.pop())

    def status(self, pid: int) -> int | None:
        """How a command ended; None while it is there."""
        with self._news:
            return self._ended.get(pid)

    def close(self) -> None:
        """End it, and all that it has forked."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()

    def _listen(self) -> None:
        for line in self._process.stdout or ():
            news = json.loads(line)
            with self._news:
                if "born" in news:
                    # A number may come back; what it was before is over.
                    self._ended.pop(news["born"], None)
                    self._born.append(news["born"])
                else:
                    self._ended[news["ended"]] = news["status"]
                self._news.notify_all()


def _serve() -> dict[str, Any] | None:
    """Fork what is asked for; returns in each child with its request, at the end with None."""
    children: set[int] = set()
    requests = os.fdopen(os.dup(0), "rb", buffering=0)
    while True:
        readable, _, _ = select.select([requests], [], [], _POLL_S)
        if readable:
            line = requests.readline()
            if not line:
                break
            pid = os.fork()
            if not pid:
                requests.close()
                return dict(json.loads(line))
            children.add(pid)
            _say({"born": pid})
        for pid in _reaped():
            children.discard(pid)
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    return None


def _reaped() -> list[int]:
    gone = []
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            pid, status = found
            _say({"ended": pid, "status": os.waitstatus_to_exitcode(status) & 0xFF})
            gone.append(pid)
    return gone


def _say(news: Mapping[str, int]) -> None:
    sys.stdout.write(json.dumps(news) + "\n")
    sys.stdout.flush()


def _become(request: Mapping[str, Any]) -> None:
    """Be the command that is asked for, as if it had been started anew."""
    os.setsid()
    with contextlib.suppress(AttributeError, OSError):  # elsewhere than on Linux
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    # Asked by SIGUSR1 it tells where it hangs.
    faulthandler.register(signal.SIGUSR1)
    os.environ.clear()
    os.environ.update(request["variables"])
    sys.argv = ["sesame", *request["arguments"]]
    clock = os.environ.pop(CLOCK, None)
    if clock is not None:
        _set_clock(Path(clock))


def _set_clock(file: Path) -> None:
    """Have the wall clock be wrong by the milliseconds in a file, as they are at each look.

    Time that only ever goes on (monotonic) stays as it is, as it does when a real clock is set.
    """
    right_ns = time.time_ns

    def wrong_ns() -> int:
        return right_ns() + int(file.read_text() or "0") * 1_000_000

    time.time_ns = wrong_ns
    time.time = lambda: wrong_ns() / 1e9


def main() -> None:
    """Import, then serve until nobody asks any more."""
    for name in _IMPORTED:
        importlib.import_module(name)
    request = _serve()
    if request is not None:
        _become(request)
        sys.modules["pipeline.cli.main"].main()


if __name__ == "__main__":
    main()
