"""Workers of one kind, kept at a number: whoever ends is replaced at once."""

import random
import signal
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from pipeline.dev.broker.probe import free_port
from pipeline.dev.chaos.children import TERMINATED, Child, Ended, is_ready
from pipeline.dev.chaos.errors import ChaosError
from pipeline.dev.chaos.nursery import Nursery
from pipeline.settings import variable

PORTS = {"worker": "web_port", "gateway": "gateway_port"}
_POLL_S = 0.05
_RETRY_S = 0.5
"""Between two starts of one that ends by itself right away, as while the broker is away."""
_SHORT_S = 3.0


class Fleet:
    """As many ``sesame worker`` or ``sesame gateway`` as wanted.

    A thread replaces what has ended. ``next_orders`` gives the failpoints of each new one.
    """

    def __init__(
        self, kind: str, variables: Mapping[str, str], directory: Path, nursery: Nursery
    ) -> None:
        """Set up with none; ``want`` starts some, from the nursery."""
        self.kind = kind
        self.variables = dict(variables)
        self.next_orders: Callable[[], str] = lambda: ""
        self.endings: list[Ended] = []
        self.members: list[tuple[Child, int]] = []
        self._directory = directory
        self._nursery = nursery
        self._wanted = 0
        self._started = 0
        self._change = threading.RLock()
        self._closing = threading.Event()
        self._error: Exception | None = None
        self._keeper = threading.Thread(target=self._keep, name=f"{kind}-fleet", daemon=True)
        self._keeper.start()

    @property
    def running(self) -> list[Child]:
        """Those that are there, the oldest first."""
        with self._change:
            return [child for child, _ in self.members if child.running]

    @property
    def kills(self) -> int:
        """Ends by SIGKILL that were seen."""
        with self._change:
            return sum(ended.killed for ended in self.endings)

    def want(self, number: int) -> None:
        """Keep so many; those beyond are asked to end (SIGTERM), the newest first."""
        with self._change:
            self._wanted = number
            beyond = self.members[number:]
            del self.members[number:]
        for child, _ in beyond:
            child.signal(signal.SIGTERM)
        for child, _ in beyond:
            ended = child.wait()
            self._note(ended)
            # Asked before it could listen, a process ends as any does.
            if ended.status not in {0, TERMINATED}:
                raise ChaosError(f"{child.title} ended with {ended.status}: {child.log_tail}")

    def kill(self, child: Child) -> None:
        """End one as kill -9 does; another takes its place."""
        child.signal(signal.SIGKILL)
        child.wait()

    def kill_any(self, rng: random.Random) -> None:
        """End one of them as kill -9 does, if there is any."""
        if running := self.running:
            self.kill(rng.choice(running))

    def until_ready(self, seconds: float = 90.0) -> None:
        """Wait until all own what they are given.

        Raises:
            ChaosError: They do not in time.
        """
        deadline = time.monotonic() + seconds
        while not self._is_ready():
            self.check()
            if time.monotonic() > deadline:
                logs = "\n".join(child.log_tail for child, _ in self.members)
                raise ChaosError(f"{self.kind}s are not ready after {seconds:.0f} s: {logs}")
            time.sleep(_POLL_S * 2)

    def check(self) -> None:
        """Raise what the keeper met."""
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """End all of them at once; these ends are not counted."""
        self._closing.set()
        self._keeper.join()
        for child, _ in self.members:
            child.signal(signal.SIGCONT)
            child.signal(signal.SIGKILL)
        for child, _ in self.members:
            child.wait()

    def _is_ready(self) -> bool:
        with self._change:
            members = list(self.members)
            enough = len(members) == self._wanted
        return enough and all(child.running and is_ready(port) for child, port in members)

    def _keep(self) -> None:
        try:
            while not self._closing.wait(_POLL_S):
                self._replace()
        except Exception as error:  # noqa: BLE001 - raised again in `check`
            self._error = error

    def _replace(self) -> None:
        pause = False
        with self._change:
            for child, _ in list(self.members):
                ended = child.ended()
                if ended is not None:
                    self._note(ended)
                    self.members = [m for m in self.members if m[0] is not child]
                    pause = pause or (not ended.killed and ended.seconds < _SHORT_S)
        if pause:
            time.sleep(_RETRY_S)
        with self._change:
            while len(self.members) < self._wanted:
                self.members.append(self._start())

    def _start(self) -> tuple[Child, int]:
        self._started += 1
        port = free_port()
        told = {**self.variables, variable(PORTS[self.kind]): str(port)}
        log = self._directory / f"{self.kind}-{self._started:04}.log"
        title = f"{self.kind} {self._started}"
        return Child(title, [self.kind], told, log, self.next_orders(), self._nursery), port

    def _note(self, ended: Ended) -> None:
        with self._change:
            self.endings.append(ended)
