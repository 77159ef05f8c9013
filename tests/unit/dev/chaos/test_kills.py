"""Everything that processes are to die at is died at, also what one of them did not come by."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from pipeline.dev.chaos.children import KILLED, Ended
from pipeline.dev.chaos.scenarios.kills import KillsAtFailpoints, points_of
from pipeline.dev.chaos.stage import Stage


@dataclass
class Process:
    title: str
    orders: str
    seconds: float


@dataclass
class Members:
    """One process at a time, which dies at once; the first that is to die at ``rare`` lives on."""

    kind: str
    rare: str
    endings: list[Ended] = field(default_factory=list)
    next_orders: Callable[[], str] = lambda: ""
    running: list[Process] = field(default_factory=list)
    started: int = 0
    lives_on: bool = False

    def kill(self, process: Process) -> None:
        self.endings.append(Ended(process.title, KILLED, process.orders, process.seconds))
        self.running.remove(process)

    def go_on(self) -> None:
        for process in list(self.running):
            if process.orders.startswith(self.rare) and not self.lives_on:
                process.seconds, self.lives_on = 1_000.0, True
            elif process.orders:
                self.kill(process)
        if not self.running:
            self.started += 1
            self.running.append(Process(f"{self.kind} {self.started}", self.next_orders(), 0.0))


def test_another_dies_at_what_one_did_not_come_by() -> None:
    workers = Members("worker", "sweep.scored")
    gateways = Members("gateway", "gateway.caught_up")

    def until(holds: Callable[[], bool], *_given: Any) -> None:
        for _ in range(1_000):
            workers.go_on()
            gateways.go_on()
            if holds():
                return
        raise AssertionError("never")

    for members in (workers, gateways):
        members.go_on()
    stage = SimpleNamespace(workers=workers, gateways=gateways, until=until)
    KillsAtFailpoints(cast("Stage", stage), random.Random(3)).run()

    for members in (workers, gateways):
        died_at = [e.orders.partition(":")[0] for e in members.endings if e.orders]
        assert set(died_at) == set(points_of(members.kind))
        # Once called off, once died at.
        assert died_at.count(members.rare) == 2
        assert len(died_at) == len(points_of(members.kind)) + 1
