"""Kill -9 at every failpoint and at any other time."""

from collections import deque
from typing import ClassVar

from pipeline.dev.chaos.errors import ChaosError
from pipeline.dev.chaos.fleet import Fleet
from pipeline.dev.chaos.scenarios.base import Scenario
from pipeline.dev.chaos.stage import Plan
from pipeline.failpoints import Failpoint, Order

_SHARED = ("lane.", "transaction.", "restore.")
_PASSINGS = {
    "restore": 2,
    "sweep": 2,
    "transaction.sent": 12,
    "gateway.reviewed": 2,
    "gateway.caught_up": 1,
}
"""Up to which passing of a point a process lives, 5 where nothing is said: restores are few."""
_A_KILL_S = 25.0
_LIVES_S = 30.0
"""Whoever lives for so long has not come by what it is to die at: a start with nothing to catch up
on does not come by all that starts may."""


def points_of(kind: str) -> list[Failpoint]:
    """The points that a worker or a gateway passes."""
    own = ("batch.", "sweep.") if kind == "worker" else ("gateway.",)
    return [point for point in Failpoint if point.startswith((*_SHARED, *own))]


class KillsAtFailpoints(Scenario):
    """Each process dies at another point, and the next takes its place at once."""

    name = "kills-at-failpoints"
    promise = "a worker or gateway may die between any two steps of a batch or of a restore"
    plan: ClassVar[Plan] = Plan(workers=2, gateways=2)

    def run(self) -> None:
        """Walk over all points once, in an order that the seed gives."""
        stage = self.stage
        fleets = [stage.workers, stage.gateways]
        self._called_off: set[str] = set()
        self._orders = {fleet.kind: self._arm(fleet) for fleet in fleets}
        for fleet in fleets:
            # Those that run are not armed: they make room for those that are.
            for child in fleet.running:
                fleet.kill(child)
        waits_s = _A_KILL_S * max(len(points_of(fleet.kind)) for fleet in fleets)
        stage.until(self._all_died, waits_s, "a kill at every point")

    def _arm(self, fleet: Fleet) -> deque[str]:
        points = points_of(fleet.kind)
        self.rng.shuffle(points)
        orders = deque(str(Order(point, self._passing(point))) for point in points)
        fleet.next_orders = lambda: orders.popleft() if orders else ""
        return orders

    def _passing(self, point: Failpoint) -> int:
        most = _PASSINGS.get(point, _PASSINGS.get(point.partition(".")[0], 5))
        return self.rng.randint(1, most)

    def _all_died(self) -> bool:
        fleets = (self.stage.workers, self.stage.gateways)
        for fleet in fleets:
            self._call_off(fleet)
        return all(len(self._carried_out(fleet)) >= len(points_of(fleet.kind)) for fleet in fleets)

    def _carried_out(self, fleet: Fleet) -> set[str]:
        return {
            ended.orders
            for ended in list(fleet.endings)
            if ended.killed and ended.orders and ended.title not in self._called_off
        }

    def _call_off(self, fleet: Fleet) -> None:
        """Have others die at what those do not come by who live too long."""
        for child in fleet.running:
            if child.orders and child.seconds > _LIVES_S:
                self._called_off.add(child.title)
                self._orders[fleet.kind].append(child.orders)
                fleet.kill(child)


class KillsAtAnyTime(Scenario):
    """Workers are killed from outside, when it happens to be."""

    name = "kills-at-any-time"
    promise = "three workers share the partitions, and any of them may die any time"
    plan: ClassVar[Plan] = Plan(workers=3)

    KILLS: ClassVar[int] = 10

    def run(self) -> None:
        """Kill one, let the others take over or not, kill the next."""
        stage = self.stage
        for _ in range(self.KILLS):
            stage.go_on(self.rng.uniform(0.5, 5.0))
            stage.workers.kill_any(self.rng)
        stage.until_applied(1_000)
        if stage.workers.kills < self.KILLS:
            raise ChaosError(f"only {stage.workers.kills} of {self.KILLS} workers died")
