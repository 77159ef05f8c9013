"""Partitions move: workers come and go, the group is stirred, one is taken for dead."""

import signal
import time
from functools import partial
from typing import ClassVar

from pipeline.dev.chaos.errors import ChaosError
from pipeline.dev.chaos.groups import members, open_transactions
from pipeline.dev.chaos.scenarios.base import Scenario, be_dead_for_a_while, stop_at
from pipeline.dev.chaos.stage import Plan
from pipeline.failpoints import Failpoint

_GRACE_S = 25.0
_SEEN_S = 15.0
_COMMITTED = Failpoint.TRANSACTION_COMMITTED


class WorkersComeAndGo(Scenario):
    """One worker, two, three, and back to one, each time until all are at work."""

    name = "workers-come-and-go"
    promise = "workers are added and removed under load; partitions move with their state"
    plan: ClassVar[Plan] = Plan(workers=1)

    def run(self) -> None:
        """Go up and down once."""
        for number in (2, 3, 2, 1):
            self.stage.workers.want(number)
            self.stage.workers.until_ready()
            self.stage.until_applied(500)


class RebalanceStorm(Scenario):
    """The number of workers changes before the group has settled on the one before."""

    name = "rebalance-storm"
    promise = "rebalances on top of rebalances change nothing but the pace"
    plan: ClassVar[Plan] = Plan(workers=2)

    CHANGES: ClassVar[int] = 12

    def run(self) -> None:
        """Change the number, wait a moment, change it again."""
        stage = self.stage
        before = stage.generations()
        for _ in range(self.CHANGES):
            now = len(stage.workers.running)
            stage.workers.want(self.rng.choice([n for n in (1, 2, 3, 4) if n != now]))
            stage.go_on(self.rng.uniform(0.2, 5.0))
        stage.workers.want(self.plan.workers)
        stage.until_applied(1_000)
        if stage.generations() - before < self.CHANGES // 2:
            raise ChaosError("there were too few rebalances for a storm")


class Zombie(Scenario):
    """A worker stands still past its session, and then goes on as if nothing had been."""

    name = "zombie"
    promise = "a worker that was taken for dead does no harm when it comes back"

    def run(self) -> None:
        """Stop one at any time, twice."""
        stage = self.stage
        for _ in range(2):
            due = stage.generations() + 2  # one without it, one with it again
            victim = self.rng.choice(stage.workers.running)
            victim.signal(signal.SIGSTOP)
            be_dead_for_a_while(stage, victim, self.rng)
            stage.until_applied(500)
            stage.workers.until_ready()
            stage.until(partial(self._moved, due), _SEEN_S, "two rebalances")

    def _moved(self, due: int) -> bool:
        return self.stage.generations() >= due


class ZombieInTransaction(Scenario):
    """The same, amid a transaction: the last word of it is said after the partition is gone."""

    name = "zombie-in-transaction"
    promise = "what a zombie has not committed is never committed: it is fenced"
    POINTS: ClassVar[tuple[Failpoint, ...]] = (
        Failpoint.TRANSACTION_SENT,
        Failpoint.TRANSACTION_DELIVERED,
        Failpoint.BATCH_SCORED,
        _COMMITTED,
    )

    def run(self) -> None:
        """Stop one at each of the points."""
        stage = self.stage
        for point in self.POINTS:
            zombie = stop_at(stage.workers, stage, point, self.rng.randint(2, 8))
            be_dead_for_a_while(stage, zombie, self.rng)
            stage.until_applied(500)
            stage.workers.until_ready()
            # With its transaction committed it may lose the partition before it writes again.
            if point is not _COMMITTED and "fenced" not in zombie.log.read_text():
                raise ChaosError(f"{zombie.title}, dead at {point}, was not fenced")


class ToldToEnd(Scenario):
    """SIGTERM under load: the work in hand is committed, the group is left."""

    name = "told-to-end"
    promise = (
        "on SIGTERM a worker commits what is under way, leaves the group and ends with 0 within "
        "its grace of 25 s"
    )
    plan: ClassVar[Plan] = Plan(workers=2, gateways=1)

    def run(self) -> None:
        """Have one of two leave, then all."""
        stage = self.stage
        for number in (1, 0):
            self._leave(number)
            stage.go_on(1.0)
        stage.workers.want(2)
        stage.gateways.want(1)
        stage.workers.until_ready()
        stage.until_applied(500)

    def _leave(self, number: int) -> None:
        stage = self.stage
        for fleet in (stage.workers, stage.gateways):
            began = time.monotonic()
            fleet.want(min(number, len(fleet.running)))
            took_s = time.monotonic() - began
            if took_s > _GRACE_S:
                raise ChaosError(f"a {fleet.kind} took {took_s:.1f} s to end")
        if number:
            return
        for group in stage.groups:
            if left := members(stage.settings, group):
                raise ChaosError(f"{left} members are left in {group}")
            if still := open_transactions(stage.settings, group):
                raise ChaosError(f"transactions are still open: {still}")
