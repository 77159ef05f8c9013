"""How fast a consumer group goes, looked at from outside."""

import time
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from threading import Event, Thread
from typing import Self

from pipeline.dev.bench.broker import Watch
from pipeline.errors import SesameError
from pipeline.settings import Settings

_NOTHING = "nothing was applied while the top rate was measured"


class Progress(Thread):
    """Looks all the while how far a group has committed topics."""

    _EVERY_S = 0.1

    def __init__(self, settings: Settings, group: str, names: Sequence[str]) -> None:
        super().__init__(daemon=True)
        self._names = {settings.topic(name) for name in names}
        self._settings, self._group = settings, group
        self._ended = Event()
        self._seen: list[tuple[float, int]] = []

    def __enter__(self) -> Self:
        self._look = Watch(self._settings, self._group).__enter__()
        self._note()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()
        try:
            # Another's look, which ends the wait for a group, may have been sooner than ours.
            self._note()
        finally:
            self._look.__exit__(None, None, None)

    @property
    def applied(self) -> int:
        """Data events committed when last looked."""
        return self._seen[-1][1]

    def rate(self) -> float:
        """Events a second from the first look to the last commit seen; once the context ended.

        Raises:
            SesameError: Nothing was committed.
        """
        (began, before), *_ = self._seen
        steps = [later for earlier, later in pairwise(self._seen) if later[1] > earlier[1]]
        if not steps:
            raise SesameError(_NOTHING)
        at, applied = steps[-1]
        return (applied - before) / (at - began)

    def at_once(self) -> float:
        """Events that were committed from one look to the next, where any were: the median.

        To be asked once the context ended.

        Raises:
            SesameError: Nothing was committed.
        """
        steps = [later - earlier for (_, earlier), (_, later) in pairwise(self._seen)]
        if not any(steps):
            raise SesameError(_NOTHING)
        return median(step for step in steps if step)

    def run(self) -> None:
        """Look until the context ends."""
        while not self._ended.wait(self._EVERY_S):
            self._note()

    def _note(self) -> None:
        committed = self._look.committed()
        if not committed and self._seen:
            return  # nobody answered
        total = sum(offset for (name, _), offset in committed.items() if name in self._names)
        self._seen.append((time.monotonic(), total))
