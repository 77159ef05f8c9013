"""Work beside the answering: a thread that does it again and again until it is told to end."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

import structlog

PAUSE_MAX_S = 30.0

log = structlog.get_logger()


class Repeating:
    """Calls ``work`` in a thread of its own: soon when woken, else after a pause.

    As a context manager it starts on entry and ends on exit. Work that raises is tried again
    after pauses that double up to PAUSE_MAX_S; the errors are counted and logged.

    Args:
        name: Of the thread, and in the logs.
        work: Does some; returns whether there is more to do at once.
        pause_s: Seconds between two calls when there is nothing more to do.
        gather_s: Seconds from being woken to the call, so that it does what else comes up.
    """

    def __init__(
        self, name: str, work: Callable[[], bool], pause_s: float, gather_s: float = 0.0
    ) -> None:
        self._name = name
        self._work = work
        self._pause_s = pause_s
        self._gather_s = gather_s
        self._woken = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.failures = 0
        """How often in a row the work has failed."""

    def __enter__(self) -> Self:
        """Start."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End, after the call under way."""
        self._stopped.set()
        self._woken.set()
        self._thread.join()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def wake(self) -> None:
        """There is something to do."""
        self._woken.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._woken.clear()
            try:
                more = self._work()
            except Exception:
                self.failures += 1
                log.exception("background work failed", work=self._name, failures=self.failures)
                self._stopped.wait(min(self._pause_s * 2**self.failures, PAUSE_MAX_S))
                continue
            self.failures = 0
            if not more and self._woken.wait(self._pause_s):
                self._stopped.wait(self._gather_s)
