"""Ctrl-C and other requests to end, taken at places where it is safe to end."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

from pipeline.dev.demo.errors import InterruptedDemoError

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Remembers a signal until somebody looks; as a context manager it takes them all over.

    An exception out of a signal handler can strike between a process' start and the line
    that notes it; so handlers only leave a note, but within ``at_once``.
    """

    def __init__(self) -> None:
        self._noted = threading.Event()
        self._number = 0
        self._raising = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def noted(self) -> bool:
        """Whether the demo was asked to end."""
        return self._noted.is_set()

    def check(self) -> None:
        """Go on, unless asked to end.

        Raises:
            InterruptedDemoError: Asked to end.
        """
        if self.noted:
            raise InterruptedDemoError(self._number)

    def sleep(self, seconds: float) -> None:
        """Wait that long; raises as ``check`` does, as soon as it is asked."""
        self._noted.wait(seconds)
        self.check()

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Raise where the program stands: for long calls that clean up after themselves."""
        self.check()
        self._raising = True
        try:
            yield
        finally:
            self._raising = False

    def _handle(self, number: int, _: FrameType | None) -> None:
        if not self.noted:
            self._number = number
            self._noted.set()
        if self._raising:
            self._raising = False
            self.check()
