"""What loads found: top rates and who set them, latencies, and loads that were not sustained."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import chain
from statistics import median
from typing import Any

from pipeline.dev.bench.latency.load import Level
from pipeline.dev.bench.latency.spread import Spread, histogram


@dataclass(frozen=True, slots=True)
class Top:
    """A system's top rate in one run, and whether the sender was far enough ahead for it.

    ``lead_median`` and ``lead_max`` are events that the broker had and that were not committed as
    applied, at even times while they were sent; ``held_share`` is the share of that time for which
    the sender held still, as it was far enough ahead. ``commit_events`` is what is committed from
    one look to the next, the median: so much of the lead may be applied already.
    """

    system: str
    run: int
    events_per_second: float
    lead_median: float
    lead_max: int
    held_share: float
    commit_events: float

    @property
    def sender_bound(self) -> bool:
        """Whether it may be the sender's rate: what waited was less than a commit's worth."""
        return self.lead_median < self.commit_events

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {**asdict(self), "sender_bound": self.sender_bound}


@dataclass(frozen=True, slots=True)
class Offered:
    """One load of one run and what came of it; ``share`` of the run's top rate.

    ``why_not``: why the load was not sustained, None: it was. Latencies are then of those probes
    only that were answered, and enter no percentile.
    """

    system: str
    run: int
    share: float
    level: Level
    cpu_seconds: float
    latencies_ns: list[int]
    why_not: str | None = None

    def as_json(self) -> dict[str, Any]:
        """For programs; without single latencies but with their histogram in microseconds."""
        told = {
            "system": self.system,
            "run": self.run,
            "share": self.share,
            "events_per_second": self.level.rate,
            "seconds": self.level.seconds,
            "events": self.level.events,
            "sender_behind_ms": 1e3 * self.level.behind_s,
            "cpu_seconds": self.cpu_seconds,
            "not_sustained": self.why_not,
        }
        if self.why_not is not None:
            return told | {"answered": len(self.latencies_ns)}
        return told | {
            "latency_ms": Spread.of(self.latencies_ns).as_json(),
            "histogram_us": histogram(self.latencies_ns),
        }


@dataclass(slots=True)
class Found:
    """All loads of all runs, each run's top rate by system, and why others could not run."""

    tops: list[Top] = field(default_factory=list)
    offered: list[Offered] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    settings: dict[str, dict[str, str]] = field(default_factory=dict)
    """What each system was told that differs from its defaults."""

    def as_json(self) -> dict[str, Any]:
        """All of it, for programs."""
        return {
            "tops": [each.as_json() for each in self.tops],
            "loads": [each.as_json() for each in self.offered],
            "summaries": list(self._summaries()),
            "left_out": self.left_out,
            "settings": self.settings,
        }

    def _summaries(self) -> Iterator[dict[str, Any]]:
        """Each system at each share: percentiles over the samples of all rounds.

        There are none where a round was not sustained: those of the others would flatter.
        """
        for system, share in dict.fromkeys((o.system, o.share) for o in self.offered):
            some = [o for o in self.offered if (o.system, o.share) == (system, share)]
            kept = [o for o in some if o.why_not is None]
            told = {
                "system": system,
                "share": share,
                "runs": len(some),
                "sustained": len(kept),
                "events_per_second": median(o.level.rate for o in some),
                "cores": median(o.cpu_seconds / o.level.seconds for o in some),
            }
            if kept != some:
                yield told
                continue
            spread = Spread.of(list(chain.from_iterable(o.latencies_ns for o in kept)))
            by_run = [Spread.of(o.latencies_ns).percentiles["p99"] for o in kept]
            yield {**told, "p99_by_run": by_run, **spread.as_json()}
