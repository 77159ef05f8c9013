"""The workers' wall clock jumps; the broker's and everybody else's does not."""

from pathlib import Path
from typing import ClassVar

from pipeline.dev.chaos.errors import ChaosError
from pipeline.dev.chaos.nursery import CLOCK
from pipeline.dev.chaos.scenarios.base import Scenario
from pipeline.dev.chaos.stage import Plan

_MINUTE_MS = 60_000
_UNDER_WAY_S = 5.0


class ClockJump(Scenario):
    """Half an hour ahead, two hours back, two hours ahead, and right, while the workers run."""

    name = "clock-jump"
    promise = (
        "a worker's clock may jump back, or ahead by less than an hour; further ahead it commits "
        "nothing until its clock is right"
    )
    plan: ClassVar[Plan] = Plan(workers=2, gateways=1)

    JUMPS_MS: ClassVar[tuple[int, ...]] = (30 * _MINUTE_MS, -120 * _MINUTE_MS)
    TOO_FAR_MS: ClassVar[int] = 120 * _MINUTE_MS
    """The broker takes timestamps up to an hour ahead of its own clock."""

    def run(self) -> None:
        """Start workers with a clock that can be set, and set it."""
        stage = self.stage
        clock = stage.directory / "clock"
        _set(clock, 0)
        stage.workers.variables[CLOCK] = str(clock)
        for child in stage.workers.running:
            stage.workers.kill(child)
        stage.workers.until_ready()
        for jump_ms in self.JUMPS_MS:
            stage.until_applied(1_000)
            _set(clock, jump_ms)
        stage.until_applied(1_000)
        _set(clock, self.TOO_FAR_MS)
        stage.go_on(_UNDER_WAY_S)
        before = stage.applied()
        stage.go_on(_UNDER_WAY_S)
        if stage.applied() != before:
            raise ChaosError("something is committed by a clock that is two hours ahead")
        _set(clock, 0)
        stage.until_applied(1_000)


def _set(clock: Path, wrong_by_ms: int) -> None:
    # In one step, as it may be read at any moment.
    draft = clock.with_suffix(".draft")
    draft.write_text(str(wrong_by_ms))
    draft.replace(clock)
