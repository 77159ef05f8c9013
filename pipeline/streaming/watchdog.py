"""Ends a worker whose commits stand still while records wait.

Faust's agents and aiokafka's clients have been seen to stop without an error after days or
broker outages; the orchestrator can restart what has ended, not what hangs.
"""

import os
import threading
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)

EXIT_STALLED = 70
_CHECKS = 5


class Watchdog:
    """A thread of its own, so that a blocked event loop cannot keep it from looking."""

    def __init__(
        self,
        stalled_s: Callable[[], float],
        limit_s: float,
        end: Callable[[int], object] = os._exit,
    ) -> None:
        """Set up.

        Args:
            stalled_s: How long work has been waiting without any advance, in seconds.
            limit_s: How long that may be.
            end: Called with the exit status when it is longer.
        """
        self._stalled_s = stalled_s
        self._limit_s = limit_s
        self._end = end
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()

    def _watch(self) -> None:
        while not self._stopped.wait(self._limit_s / _CHECKS):
            stalled_s = self._stalled_s()
            if stalled_s > self._limit_s:
                log.critical(
                    "nothing is committed while records wait: ending",
                    stalled_s=round(stalled_s, 1),
                    limit_s=self._limit_s,
                )
                self._end(EXIT_STALLED)
                return


def end_after(limit_s: float, end: Callable[[], object]) -> None:
    """Call ``end`` if the process is still there then, whatever blocks its event loop or exit."""
    timer = threading.Timer(limit_s, end)
    timer.daemon = True
    timer.start()
