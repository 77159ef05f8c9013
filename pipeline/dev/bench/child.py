"""A system under measurement: one process or several, watched from outside."""

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from pipeline.dev.bench.arithmetic import Samples, summed
from pipeline.errors import SesameError

_SAMPLE_S = 0.05
_STOP_S = 60.0
_LOG_TAIL_LINES = 20
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


class ChildEndedError(SesameError):
    """The process ended by itself."""


class Watched(Protocol):
    """What can be asked of a system that runs within a context, of however many processes."""

    def __enter__(self) -> Self:
        """Start it."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        """End it."""

    @property
    def samples(self) -> Samples:
        """Seconds since 1970, and of processor time used since the start."""

    @property
    def rss_bytes(self) -> int:
        """The memory it holds."""

    @property
    def peak_rss_bytes(self) -> int:
        """The most memory it held so far."""

    def check(self) -> None:
        """Go on only while it runs.

        Raises:
            ChildEndedError: It does not.
        """


class Child:
    """Runs a command; its processor time is sampled, its output goes to ``log``."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._command = list(command)
        self._environment = dict(environment)
        self._log = log
        self._ended = threading.Event()
        self._asked = False
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self.samples: list[tuple[float, float]] = []
        """Seconds since 1970, and of processor time used since the start of the process."""

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own commands
                self._command,
                env=os.environ | self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        self._sampler.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._sampler.join()
        self.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def peak_rss_bytes(self) -> int:
        """The most memory it held so far."""
        return self._status_bytes("VmHWM")

    @property
    def rss_bytes(self) -> int:
        """The memory it holds."""
        return self._status_bytes("VmRSS")

    def terminate(self) -> None:
        """Ask it to end, once; leaving the context waits until it has.

        A second signal would end an interpreter at once that is about to end by itself.
        """
        if not self._asked:
            self._asked = True
            self._process.terminate()

    def check(self) -> None:
        """Go on only while it runs.

        Raises:
            ChildEndedError: It does not; the message has the end of its output.
        """
        if self._process.poll() is not None:
            tail = self._log.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:]
            name = " ".join(self._command[1:])
            raise ChildEndedError(
                f"{name} ended with status {self._process.returncode}:\n" + "\n".join(tail)
            )

    def _sample(self) -> None:
        stat = Path(f"/proc/{self.pid}/stat")
        while not self._ended.wait(_SAMPLE_S):
            with contextlib.suppress(OSError):
                # The name in parentheses may hold spaces; utime and stime are 12th and 13th after.
                fields = stat.read_text().rpartition(")")[2].split()
                used = (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND
                self.samples.append((time.time(), used))

    def _status_bytes(self, name: str) -> int:
        # Not rusage: there the memory of the parent that forked counts as the child's peak.
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
        raise ChildEndedError(f"process {self.pid} has no {name}")


class Group:
    """Several children watched as one: the sums of their processor time and of their memory.

    The peak is the sum of each one's own, which need not be of one moment.
    """

    def __init__(self, children: Sequence[Child]) -> None:
        self.children = tuple(children)
        self._started = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            for child in self.children:
                stack.enter_context(child)
            self._started = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # All at once: whoever stayed longer would take over what the others leave.
        for child in self.children:
            child.terminate()
        self._started.__exit__(kind, error, trace)

    @property
    def samples(self) -> Samples:
        """Seconds since 1970, and of processor time that all have used."""
        return summed([child.samples for child in self.children])

    @property
    def rss_bytes(self) -> int:
        """The memory that all hold."""
        return sum(child.rss_bytes for child in self.children)

    @property
    def peak_rss_bytes(self) -> int:
        """The most memory that each held so far."""
        return sum(child.peak_rss_bytes for child in self.children)

    def check(self) -> None:
        """Go on only while all run.

        Raises:
            ChildEndedError: One does not.
        """
        for child in self.children:
            child.check()
