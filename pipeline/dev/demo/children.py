"""Child processes of the demo: each under a guard, so that none outlives it."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.dev.broker import guard
from pipeline.dev.demo.errors import DemoError

LOG_TAIL_LINES = 20
STOP_S = 15.0
"""How long a child may take to end in good order before it is killed."""
_TO_FILE = ("/bin/sh", "-c", 'exec "$@" >"$0"')
"""Puts a command's standard output into the file that is named first."""


@dataclass(frozen=True, slots=True)
class Command:
    """A ``sesame`` command to run; ``title`` is what people call it."""

    title: str
    arguments: Sequence[str]
    environment: Mapping[str, str]


class Child:
    """A running ``sesame`` command, its log and its output kept in files.

    The guard kills it when this process ends, however that comes about.
    """

    def __init__(self, command: Command, directory: Path) -> None:
        """Start it.

        Raises:
            DemoError: It could not be started.
        """
        self.title = command.title
        name = command.title.replace(" ", "-")
        self.log = directory / f"{name}.log"
        self._output = directory / f"{name}.out"
        self._guard = subprocess.Popen(  # noqa: S603 - this Python and our own files
            [
                *(sys.executable, "-I", guard.__file__, str(os.getpid()), str(self.log), ""),
                *(*_TO_FILE, str(self._output)),
                *(sys.executable, "-P", "-m", "pipeline.cli.main", *command.arguments),
            ],
            env={**os.environ, **command.environment},
            stdout=subprocess.PIPE,
            text=True,
            # Ctrl-C in a terminal is for the demo, which then ends it in good order.
            start_new_session=True,
        )
        line = self._guard.stdout.readline() if self._guard.stdout else ""
        if not line:
            raise DemoError(f"the {self.title} could not be started")
        self.pid = int(line)
        self._asked = False

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._guard.poll() is None

    def check(self) -> None:
        """Go on, unless it has ended by itself.

        Raises:
            DemoError: It has; the message shows the end of its log.
        """
        status = self._guard.poll()
        if status is not None:
            raise DemoError(f"the {self.title} ended {_in_words(status)}; {log_tail(self.log)}")

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal; nothing happens when it has ended."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def ask_to_end(self) -> None:
        """Ask it to end in good order; once, as a second request would kill it at its exit."""
        if not self._asked:
            self._asked = True
            self.signal(signal.SIGTERM)

    def stop(self) -> str:
        """End it in good order and return what it printed.

        Raises:
            DemoError: It failed or had to be killed.
        """
        self.ask_to_end()
        try:
            status = self._guard.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise DemoError(f"the {self.title} did not end within {STOP_S:.0f} s") from None
        self._close()
        if status:
            raise DemoError(f"the {self.title} ended {_in_words(status)}; {log_tail(self.log)}")
        return self._output.read_text()

    def kill(self) -> None:
        """End it as kill -9 does."""
        self.signal(signal.SIGKILL)
        self._guard.wait()
        self._close()

    def _close(self) -> None:
        if self._guard.stdout is not None:
            self._guard.stdout.close()


def log_tail(log: Path) -> str:
    """The end of a log, in words."""
    text = log.read_text(errors="replace") if log.exists() else ""
    lines = text.splitlines()[-LOG_TAIL_LINES:]
    return "the end of its log:\n" + "\n".join(lines) if lines else "it logged nothing"


def _in_words(status: int) -> str:
    # The guard gives the status of a child killed by signal n as -n in one byte.
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGABRT):
        if status == -number & 0xFF:
            return f"by {number.name}"
    return f"with status {status}"
