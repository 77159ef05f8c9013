"""What was accepted, and whether today's counts keep to it.

The figure of a stage is its instructions for the batch, over those of the yardstick. Another
interpreter or another numpy does the same work in other instructions, so figures are of a runtime
and only compared with those of the same.
"""

import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

from pipeline.dev.guard.stages import YARDSTICK
from pipeline.errors import SesameError

ACCEPTED = Path(__file__).with_name("accepted.json")
TOLERANCE = 0.05
"""Runs beside other work, and in another environment of a runtime, differ by a hundredth or so."""


class NotAcceptedError(SesameError):
    """Nothing was accepted for the runtime."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """What counts hold for: Python's minor version, the libraries that fold, the machine's code."""

    python: str
    numpy: str
    pyarrow: str
    pyruhvro: str
    machine: str

    @classmethod
    def here(cls) -> Self:
        """Of this process."""
        return cls(
            python=".".join(platform.python_version_tuple()[:2]),
            numpy=version("numpy"),
            pyarrow=version("pyarrow"),
            pyruhvro=version("pyruhvro"),
            machine=platform.machine(),
        )

    def differing(self, other: Self) -> list[str]:
        """What differs from another, each as it is here and there."""
        there = asdict(other)
        return [
            f"{name} {value} where {there[name]} was accepted"
            for name, value in asdict(self).items()
            if value != there[name]
        ]

    def __str__(self) -> str:
        """A line for people."""
        return ", ".join(f"{name} {value}" for name, value in asdict(self).items())


@dataclass(frozen=True, slots=True)
class Accepted:
    """A runtime and the figures that were accepted on it."""

    runtime: Runtime
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Change:
    """A stage's figure as it is, and as it was accepted; None where it is new or gone."""

    stage: str
    accepted: float | None
    found: float | None

    @property
    def by(self) -> float:
        """How much more it costs, as a share; infinite where nothing was accepted."""
        if self.accepted is None or self.found is None:
            return float("inf")
        return self.found / self.accepted - 1

    @property
    def trips(self) -> bool:
        """Whether it has to be looked at: it costs more or less than accepted, or is not the same.

        Less is often a stage that has stopped to do its work.
        """
        return abs(self.by) > TOLERANCE

    def __str__(self) -> str:
        """A line for people."""
        if self.accepted is None or self.found is None:
            return f"{self.stage}: {'new' if self.accepted is None else 'gone'}"
        verdict = f"{'more' if self.by > 0 else 'less'} than accepted" if self.trips else "kept"
        return (
            f"{self.stage}: {self.found:.6g}, accepted {self.accepted:.6g}, "
            f"{self.by:+.2%}: {verdict}"
        )


def figures(counted: Mapping[str, float]) -> dict[str, float]:
    """The figures of counts: all stages over the yardstick, and their sum."""
    work = {name: n / counted[YARDSTICK] for name, n in counted.items() if name != YARDSTICK}
    return work | {"all": sum(work.values())}


def changes(found: Mapping[str, float], accepted: Mapping[str, float]) -> Iterator[Change]:
    """Every stage that is or was."""
    for stage in dict.fromkeys([*accepted, *found]):
        yield Change(stage, accepted.get(stage), found.get(stage))


def for_runtime(runtime: Runtime, kept: Sequence[Accepted]) -> Mapping[str, float]:
    """What was accepted on a runtime.

    Raises:
        NotAcceptedError: Nothing was; the message says what differs from the nearest.
    """
    for each in kept:
        if each.runtime == runtime:
            return each.figures
    nearest = min((runtime.differing(each.runtime) for each in kept), key=len, default=["nothing"])
    raise NotAcceptedError(
        f"No figures were accepted on {runtime}: {'; '.join(nearest)}. Counts of two runtimes "
        "cannot be compared: run this on one that is accepted, or accept this one with --accept "
        "where nothing of the hot path has changed since the last that was."
    )


def replaced(kept: Sequence[Accepted], new: Accepted) -> list[Accepted]:
    """What is kept once ``new`` is accepted: others of its runtime make room."""
    others = [each for each in kept if each.runtime != new.runtime]
    return sorted([*others, new], key=lambda each: str(each.runtime))


def load(file: Path = ACCEPTED) -> list[Accepted]:
    """What was accepted, by runtime."""
    told: list[dict[str, Any]] = json.loads(file.read_text())
    return [Accepted(Runtime(**each["runtime"]), each["figures"]) for each in told]


def save(kept: Sequence[Accepted], file: Path = ACCEPTED) -> None:
    """Keep what is accepted."""
    file.write_text(json.dumps([asdict(each) for each in kept], indent=2) + "\n")
