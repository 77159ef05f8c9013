"""No faults at all: flat load for a while, and whether memory and open files stay as they are.

Both are sampled of every worker and gateway. The first third of the run is warm-up: caches
fill, everybody gets a row. After it a straight line is laid through the samples of each process
by least squares; what it rises by over those two thirds must stay within a share of where it
begins, for open files within a number.
"""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.dev.chaos.cluster import Cluster
from pipeline.dev.chaos.stage import Plan, Stage
from pipeline.dev.chaos.verdict import Verdict

RSS_RISE_MAX = 0.10
"""Of the resident memory at the end of the warm-up."""
FILES_RISE_MAX = 4.0
WARM_UP_SHARE = 1 / 3
_SAMPLES = 240
_SAMPLE_S_MIN = 0.5
_PLAN = Plan(workers=2, gateways=1, people=400, per_second=400)


@dataclass(frozen=True, slots=True)
class Trend:
    """A straight line through samples: where it begins, and by how much it rises."""

    begin: float
    rise: float


@dataclass(slots=True)
class Samples:
    """Of one process, at the same moments: seconds, resident bytes, open files."""

    title: str
    seconds: list[float] = field(default_factory=list)
    rss_bytes: list[float] = field(default_factory=list)
    open_files: list[float] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The trends."""
        rss, files = (trend(self.seconds, each) for each in (self.rss_bytes, self.open_files))
        return {
            "process": self.title,
            "samples": len(self.seconds),
            "rss_mb": round(rss.begin / 2**20, 1),
            "rss_rise_mb": round(rss.rise / 2**20, 2),
            "open_files": round(files.begin, 1),
            "open_files_rise": round(files.rise, 2),
            "steady": self.steady,
        }

    @property
    def steady(self) -> bool:
        """Whether neither rises by more than it may."""
        rss, files = (trend(self.seconds, each) for each in (self.rss_bytes, self.open_files))
        return rss.rise <= RSS_RISE_MAX * rss.begin and files.rise <= FILES_RISE_MAX


@dataclass(frozen=True, slots=True)
class SoakReport:
    """What a soak found."""

    seed: int
    minutes: float
    samples: Sequence[Samples]
    verdict: Verdict

    @property
    def holds(self) -> bool:
        """Whether all is steady and the oracle finds nothing."""
        return self.verdict.holds and bool(self.samples) and all(s.steady for s in self.samples)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "seed": self.seed,
            "minutes": self.minutes,
            "holds": self.holds,
            "processes": [each.as_json() for each in self.samples],
            **self.verdict.as_json(),
        }


def trend(seconds: Sequence[float], values: Sequence[float]) -> Trend:
    """The line through all samples after the warm-up; needs three of them at least.

    >>> trend([0, 10, 20, 30], [5.0, 1.0, 2.0, 3.0])
    Trend(begin=1.0, rise=2.0)
    """
    at, found = np.asarray(seconds, np.float64), np.asarray(values, np.float64)
    warm = at >= at[0] + WARM_UP_SHARE * (at[-1] - at[0])
    at, found = at[warm], found[warm]
    slope, level = np.polyfit(at - at[0], found, 1)
    return Trend(round(float(level), 6), round(float(slope * (at[-1] - at[0])), 6))


def soak(seed: int, minutes: float) -> SoakReport:
    """Run flat load for so many minutes, then ask the oracle.

    Raises:
        ChaosError: A process broke off, or what was sent is not applied in the end.
    """
    seconds = minutes * 60
    # Half as many again as are sent: history must not run out.
    plan = replace(_PLAN, events=round(1.5 * _PLAN.per_second * (seconds + 120)))
    with (
        tempfile.TemporaryDirectory(prefix="sesame-soak-") as made,
        Cluster(Path(made)) as cluster,
        Stage(cluster, "soak", seed, plan) as stage,
    ):
        samples = _sample(stage, seconds)
        return SoakReport(seed, minutes, samples, stage.settle())


def _sample(stage: Stage, seconds: float) -> list[Samples]:
    found: dict[int, Samples] = {}
    began = time.monotonic()
    while (now := time.monotonic()) < began + seconds:
        for child in (*stage.workers.running, *stage.gateways.running):
            each = found.setdefault(child.pid, Samples(child.title))
            each.seconds.append(now - began)
            each.rss_bytes.append(child.rss_bytes)
            each.open_files.append(child.open_files)
        stage.go_on(max(_SAMPLE_S_MIN, seconds / _SAMPLES))
    return list(found.values())
