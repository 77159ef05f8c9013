"""A ``sesame`` command as a child process to be killed, stopped, and asked things."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipeline.dev.broker import guard
from pipeline.dev.chaos.errors import ChaosError
from pipeline.dev.chaos.nursery import Nursery

KILLED = -signal.SIGKILL & 0xFF
"""What stands for an end by SIGKILL."""
TERMINATED = -signal.SIGTERM & 0xFF
_LOG_TAIL = 4_000
_END_S = 40.0
_ANSWER_S = 2.0
_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process went; ``seconds`` since it was started."""

    title: str
    status: int
    orders: str
    seconds: float

    @property
    def killed(self) -> bool:
        """Whether SIGKILL ended it."""
        return self.status == KILLED


class Process(Protocol):
    """A started command, whoever started it."""

    @property
    def pid(self) -> int:
        """Its number."""

    def poll(self) -> int | None:
        """Its exit status, 256 less the signal's number for a signal; None while it is there."""

    def wait(self, seconds: float) -> None:
        """Wait until it has ended, for at most so long."""


class Guarded:
    """A command started anew, under a guard that ends it with this process."""

    def __init__(self, arguments: Sequence[str], variables: Mapping[str, str], log: Path) -> None:
        """Start it.

        Raises:
            ChaosError: It could not be started.
        """
        self._guard = subprocess.Popen(  # noqa: S603 - this Python and our own files
            [
                *(sys.executable, "-I", guard.__file__, str(os.getpid()), str(log), ""),
                *(sys.executable, "-P", "-m", "pipeline.cli.main", *arguments),
            ],
            env=dict(variables),
            stdout=subprocess.PIPE,
            text=True,
            # Ctrl-C in a terminal is for the run, which then ends its children.
            start_new_session=True,
        )
        line = self._guard.stdout.readline() if self._guard.stdout else ""
        if not line:
            raise ChaosError(f"sesame {' '.join(arguments)} could not be started")
        self.pid = int(line)

    def poll(self) -> int | None:
        """Its exit status; None while it is there."""
        status = self._guard.poll()
        if status is not None and self._guard.stdout is not None:
            self._guard.stdout.close()
        return status

    def wait(self, seconds: float) -> None:
        """Wait until it has ended, for at most so long."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._guard.wait(seconds)


class Child:
    """One running command, its log in a file."""

    def __init__(  # noqa: PLR0913 - what it is called, what it is, how it is started
        self,
        title: str,
        arguments: Sequence[str],
        variables: Mapping[str, str],
        log: Path,
        orders: str = "",
        nursery: Nursery | None = None,
    ) -> None:
        """Start it.

        Args:
            title: What people call it.
            arguments: Of ``sesame``.
            variables: Its environment beside this process's own, ``SESAME_*`` left out.
            log: Gets what it writes, after what is there.
            orders: The failpoints it is armed with.
            nursery: To fork it from; none starts it anew.

        Raises:
            ChaosError: It could not be started.
        """
        self.title, self.log, self.orders = title, log, orders
        kept = {name: value for name, value in os.environ.items() if not _ours(name)}
        armed = {"SESAME_CHAOS": "1", "SESAME_FAILPOINTS": orders} if orders else {}
        start = nursery.fork if nursery is not None else Guarded
        self._began = time.monotonic()
        self._process: Process = start(arguments, {**kept, **variables, **armed}, log)
        self.pid = self._process.pid

    @property
    def running(self) -> bool:
        """Whether it is there, standing still or not."""
        return self._process.poll() is None

    @property
    def seconds(self) -> float:
        """Since it was started."""
        return time.monotonic() - self._began

    @property
    def stopped(self) -> bool:
        """Whether it stands still (SIGSTOP)."""
        with contextlib.suppress(OSError):
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
        return False

    @property
    def log_tail(self) -> str:
        """The end of what it wrote."""
        return self.log.read_text(errors="replace")[-_LOG_TAIL:]

    def ended(self) -> Ended | None:
        """How it went; None while it is there."""
        status = self._process.poll()
        if status is None:
            return None
        return Ended(self.title, status, self.orders, self.seconds)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal; nothing happens when it has ended."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def wait(self, seconds: float = _END_S) -> Ended:
        """Wait until it has ended.

        Raises:
            ChaosError: It did not in time.
        """
        self._process.wait(seconds)
        ended = self.ended()
        if ended is None:
            self.signal(signal.SIGUSR1)  # one that was forked tells where it hangs
            time.sleep(1)
            raise ChaosError(f"{self.title} did not end within {seconds:.0f} s: {self.log_tail}")
        return ended

    def until_stopped(self, seconds: float) -> bool:
        """Wait until it stands still; whether it came to that."""
        deadline = time.monotonic() + seconds
        while self.running and time.monotonic() < deadline:
            if self.stopped:
                return True
            time.sleep(_POLL_S)
        return False

    @property
    def rss_bytes(self) -> int:
        """Resident memory."""
        with contextlib.suppress(OSError):
            pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
            return pages * os.sysconf("SC_PAGE_SIZE")
        return 0

    @property
    def open_files(self) -> int:
        """Open file descriptors."""
        with contextlib.suppress(OSError):
            return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))
        return 0


def is_ready(port: int) -> bool:
    """Whether a worker's web server says that it is."""
    try:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{port}/health/ready", timeout=_ANSWER_S
        ) as answer:
            return bool(answer.status == 200)  # noqa: PLR2004 - HTTP's OK
    except (OSError, urllib.error.HTTPError):
        return False


def _ours(name: str) -> bool:
    return name.startswith("SESAME_")
