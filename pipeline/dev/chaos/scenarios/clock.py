"""The workers' wall clock jumps; the broker's and everybody else's does not."""

from pathlib import Path
from typing import ClassVar

from pipeline.dev.chaos.scenarios.base import Scenario
from pipeline.dev.chaos.stage import Plan

_LIBRARIES = ("/usr/lib", "/usr/lib64", "/usr/local/lib")
_PATTERN = "**/faketime/libfaketimeMT.so.1"


class ClockJump(Scenario):
    """Half an hour ahead, two hours back, and right again, while the workers run.

    The clock is a file that libfaketime looks at; time that only ever goes on (monotonic)
    stays as it is, as it does when a real clock is set.
    """

    name = "clock-jump"
    promise = "a worker's clock may jump back, or ahead by less than an hour"
    plan: ClassVar[Plan] = Plan(workers=2, gateways=1)

    JUMPS: ClassVar[tuple[str, ...]] = ("+1800s", "-7200s", "+0s")

    @classmethod
    def missing(cls) -> str | None:
        """It needs libfaketime."""
        return None if _library() else "libfaketime is not installed (Debian: libfaketime)"

    def run(self) -> None:
        """Start workers with a clock that can be set, and set it."""
        stage = self.stage
        clock = stage.directory / "clock"
        clock.write_text("+0s\n")
        stage.workers.variables |= {
            "LD_PRELOAD": str(_library()),
            "FAKETIME_TIMESTAMP_FILE": str(clock),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        for child in stage.workers.running:
            stage.workers.kill(child)
        stage.workers.until_ready()
        for jump in self.JUMPS:
            stage.until_applied(1_000)
            clock.write_text(f"{jump}\n")
        stage.until_applied(1_000)


def _library() -> Path | None:
    for folder in map(Path, _LIBRARIES):
        if found := next(iter(sorted(folder.glob(_PATTERN))), None):
            return found
    return None
