"""What is computed of the measurements: windows, medians, spread, ratios."""

import os
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median

OURS = "sesame"
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
"""The least processor time that the system tells, in seconds."""
Samples = Sequence[tuple[float, float]]
"""Of a growing quantity: times, ascending, and its values then."""


@dataclass(frozen=True, slots=True)
class Window:
    """The time in which so many events were applied; seconds since 1970."""

    first_at: float
    last_at: float
    events: int

    @property
    def seconds(self) -> float:
        """The window's length."""
        return self.last_at - self.first_at

    @property
    def events_per_second(self) -> float:
        """The rate within the window.

        Raises:
            ValueError: The window has no length.
        """
        if self.seconds <= 0:
            raise ValueError(f"{self.events} events at one instant are too few to time")
        return self.events / self.seconds


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one system; memory in units of 1,000,000 bytes."""

    system: str
    run: int
    events: int
    events_per_second: float
    seconds: float
    cpu_seconds: float
    peak_rss_mb: float


@dataclass(frozen=True, slots=True)
class Summary:
    """One system over its runs: medians, and how far the rates lie apart."""

    system: str
    runs: int
    events_per_second: float
    lowest: float
    highest: float
    cpu_us_per_event: float
    cores: float
    """Processor time by the time it took."""
    events_per_cpu_second: float
    """Of processor time: the rate by the cores used."""
    peak_rss_mb: float


def at_time(samples: Samples, at: float) -> float:
    """A growing quantity at a time, between samples of (time, value) by straight lines.

    >>> at_time([(0.0, 0.0), (10.0, 5.0)], 4.0)
    2.0
    """
    place = bisect_left(samples, (at,))
    if place == 0:
        return samples[0][1]
    if place == len(samples):
        return samples[-1][1]
    (t0, v0), (t1, v1) = samples[place - 1], samples[place]
    return v0 + (v1 - v0) * (at - t0) / (t1 - t0)


def summed(series: Sequence[Samples]) -> list[tuple[float, float]]:
    """The sum of several growing quantities, as samples at the times of all of theirs.

    >>> summed([[(0.0, 0.0), (2.0, 2.0)], [(1.0, 5.0), (3.0, 6.0)]])
    [(0.0, 5.0), (1.0, 6.0), (2.0, 7.5), (3.0, 8.0)]
    """
    some = [samples for samples in series if samples]
    times = sorted({at for samples in some for at, _ in samples})
    return [(at, sum(at_time(samples, at) for samples in some)) for at in times]


def run_of(
    system: str,
    number: int,
    windows: Sequence[Window],
    samples: Samples,
    peak_rss_mb: float,
) -> Run:
    """A run over all its windows; ``samples`` of processor time as `at_time` takes them.

    A run too short to be seen in them took a tick of the system's clock.

    Raises:
        ValueError: The windows have no length.
    """
    events = sum(window.events for window in windows)
    seconds = sum(window.seconds for window in windows)
    return Run(
        system=system,
        run=number,
        events=events,
        events_per_second=Window(0.0, seconds, events).events_per_second,
        seconds=seconds,
        cpu_seconds=max(
            TICK_S, sum(at_time(samples, w.last_at) - at_time(samples, w.first_at) for w in windows)
        ),
        peak_rss_mb=peak_rss_mb,
    )


def summarise(runs: Iterable[Run]) -> list[Summary]:
    """Each system's medians, in the order the systems first ran."""
    by_system: dict[str, list[Run]] = {}
    for run in runs:
        by_system.setdefault(run.system, []).append(run)
    return [
        Summary(
            system=system,
            runs=len(some),
            events_per_second=median(run.events_per_second for run in some),
            lowest=min(run.events_per_second for run in some),
            highest=max(run.events_per_second for run in some),
            cpu_us_per_event=median(1e6 * run.cpu_seconds / run.events for run in some),
            cores=median(run.cpu_seconds / run.seconds for run in some),
            events_per_cpu_second=median(run.events / run.cpu_seconds for run in some),
            peak_rss_mb=median(run.peak_rss_mb for run in some),
        )
        for system, some in by_system.items()
    ]


def ratios(runs: Sequence[Run], ours: str = OURS) -> dict[str, float]:
    """Ours over each other system: the median of the ratios within each round of runs.

    Systems of one round ran next to each other, so what slowed the machine for a while
    slowed both.

    Raises:
        KeyError: A round lacks our run.
    """
    rates = {run.run: run.events_per_second for run in runs if run.system == ours}
    by_system: dict[str, list[float]] = {}
    for run in runs:
        if run.system != ours:
            ratio = rates[run.run] / run.events_per_second
            by_system.setdefault(run.system, []).append(ratio)
    return {system: median(some) for system, some in by_system.items()}


def shares(runs: Sequence[Run]) -> dict[str, float]:
    """Each other system over ours: the median of the ratios within each round of runs.

    Raises:
        KeyError: A round lacks our run.
    """
    ours = {run.run: run.events_per_second for run in runs if run.system == OURS}
    by_system: dict[str, list[float]] = {}
    for run in runs:
        if run.system != OURS:
            share = run.events_per_second / ours[run.run]
            by_system.setdefault(run.system, []).append(share)
    return {system: median(some) for system, some in by_system.items()}


def percentile(values: Sequence[float], share: float) -> float:
    """The least value that at least this share of all does not exceed.

    >>> percentile([5.0, 1.0, 3.0, 2.0], 0.5)
    2.0
    """
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]
