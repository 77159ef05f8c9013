"""Replays die at every step while the workers work on."""

from typing import ClassVar

from pipeline.dev.chaos.children import Child, Ended
from pipeline.dev.chaos.errors import ChaosError
from pipeline.dev.chaos.scenarios.base import Scenario
from pipeline.dev.chaos.stage import Plan
from pipeline.failpoints import Failpoint, Order

_REPLAYED_S = 120.0
POINTS = tuple(
    point
    for point in Failpoint
    # Former changelogs are kept, so none is deleted: see `sesame replay --keep-old`.
    if point.startswith(("replay.", "switch.")) and point is not Failpoint.REPLAY_DELETED
)


class ReplaysKilled(Scenario):
    """One replay after the other is killed, each at another point; the last one gets through."""

    name = "replays-killed"
    promise = (
        "a replay may die any time: each partition goes on in its old state or in the new one, "
        "and the next replay gets through"
    )
    plan: ClassVar[Plan] = Plan(workers=2, gateways=1, per_second=200)

    def run(self) -> None:
        """Kill one at every point, then let one be."""
        stage = self.stage
        points = list(POINTS)
        self.rng.shuffle(points)
        stage.until_applied(1_000)
        for point in points:
            self._replay(str(Order(point)))
            stage.until_applied(100)
        if not any(ended.killed for ended in stage.others):
            raise ChaosError("no replay came to where it was to die")
        ended = self._replay("")
        if ended.status:
            raise ChaosError(f"a replay ended with {ended.status}: {self._last.log_tail}")
        if min(stage.witness.generations().values()) <= 1:
            raise ChaosError("a replay has switched nothing over")
        stage.workers.until_ready()
        stage.until_applied(500)

    def _replay(self, orders: str) -> Ended:
        stage = self.stage
        log = stage.directory / f"replay-{len(stage.others) + 1:04}.log"
        arguments = ["replay", "--keep-old", "--json"]
        self._last = Child("replay", arguments, stage.variables, log, orders, stage.nursery)
        ended = self._last.wait(_REPLAYED_S)
        stage.others.append(ended)
        return ended
