"""Cells of a grid, one dimension at a time around a middle, round by round."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import numpy as np

from pipeline.codec.open import open_registry
from pipeline.dev.bench import population, recovery, systems
from pipeline.dev.bench.arithmetic import at_time
from pipeline.dev.bench.backlog import Backlog
from pipeline.dev.bench.broker import Watch
from pipeline.dev.bench.child import Child
from pipeline.dev.bench.population import Template
from pipeline.dev.bench.readback import WRITTEN, read_back
from pipeline.dev.bench.scale import events as drawn_events
from pipeline.dev.bench.systems import Bench
from pipeline.dev.bench.workload import DATA_TOPICS, END_MS, Workload
from pipeline.dev.simulator.bad import Sent
from pipeline.errors import SesameError
from pipeline.factors.months import month_of_ms
from pipeline.settings import Settings
from pipeline.streaming.position import Position

_MB = 1_000_000
_READY_S = 600.0
_POLL_S = 0.1
_MIDDLE_PEOPLE, _MIDDLE_PARTITIONS = 100_000, 8
_LEAST_PEOPLE = 10_000
_SKEWS = (0.0, 0.8, 1.0, 1.2)
_DATA = [topic.name for topic in DATA_TOPICS]


@dataclass(frozen=True, slots=True)
class Cell:
    """One point of the grid; ``skew`` is the exponent of Zipf's law, 0 for even keys."""

    workers: int
    people: int
    partitions: int
    skew: float


@dataclass(frozen=True, slots=True)
class Grid:
    """The middle, and the values of each dimension with the others as in the middle."""

    middle: Cell
    workers: Sequence[int]
    people: Sequence[int]
    partitions: Sequence[int]
    skew: Sequence[float]

    @classmethod
    def up_to(cls, workers: int, people: int, partitions: int) -> "Grid":
        """Doubled workers and partitions, ten times as many people, each up to the most."""
        return cls(
            Cell(1, min(_MIDDLE_PEOPLE, people), min(_MIDDLE_PARTITIONS, partitions), 0.0),
            workers=_steps(1, workers, 2),
            people=_steps(min(_LEAST_PEOPLE, people), people, 10),
            partitions=_steps(1, partitions, 2),
            skew=_SKEWS,
        )

    def cells(self) -> list[Cell]:
        """All points, each once."""
        found = [self.middle]
        for name in ("workers", "people", "partitions", "skew"):
            found += [replace(self.middle, **{name: value}) for value in getattr(self, name)]
        return list(dict.fromkeys(found))


def _steps(first: int, most: int, times: int) -> list[int]:
    steps = [first]
    while steps[-1] * times <= most:
        steps.append(steps[-1] * times)
    return steps


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run; people are copies of those of ``workload``, ``events`` are of each cell."""

    workload: Workload
    grid: Grid
    events: int
    runs: int


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a cell, summed over its workers; memory in units of 1,000,000 bytes."""

    run: int
    cell: Cell
    events: int
    seconds: float
    cpu_seconds: float
    ready_rss_mb: float
    peak_rss_mb: float
    transactions: int
    input_bytes: int
    changelog_bytes: int
    """Of everybody's state, before the events."""
    written: dict[str, dict[str, int]]

    def as_json(self) -> dict[str, Any]:
        """For programs, with what follows from it."""
        return {
            **asdict(self),
            "events_per_second": self.events / self.seconds,
            "events_per_cpu_second": self.events / self.cpu_seconds,
        }


@dataclass(slots=True)
class Found:
    """All runs, and the memory of a worker without people."""

    empty_rss_mb: float
    runs: list[Run] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """All of it, for programs."""
        return {
            "empty_rss_mb": self.empty_rss_mb,
            "runs": [run.as_json() for run in self.runs],
            "summaries": list(self._summaries()),
        }

    def _summaries(self) -> Iterator[dict[str, Any]]:
        """Each cell's medians."""
        for cell in dict.fromkeys(run.cell for run in self.runs):
            some = [run for run in self.runs if run.cell == cell]
            held_mb = median(run.ready_rss_mb for run in some) - cell.workers * self.empty_rss_mb
            yield {
                **asdict(cell),
                "runs": len(some),
                "events_per_second": median(run.events / run.seconds for run in some),
                "lowest": min(run.events / run.seconds for run in some),
                "highest": max(run.events / run.seconds for run in some),
                "events_per_cpu_second": median(run.events / run.cpu_seconds for run in some),
                "bytes_a_person": held_mb * _MB / cell.people,
                "peak_rss_mb": median(run.peak_rss_mb for run in some),
            }


def measure(bench: Bench, plan: Plan) -> Found:
    """Run every cell ``plan.runs`` times, in turn.

    Raises:
        SesameError: A worker ended or stood still, or events were lost.
    """
    bench.say(f"scale: folding {plan.workload.data_events:,} events")
    replay = population.fold(plan.workload, bench.settings)
    originals = population.templates(replay.store)
    found = Found(_empty_rss_mb(bench))
    for number in range(1, plan.runs + 1):
        for cell in plan.grid.cells():
            settings = bench.settings.model_copy(update={"partitions": cell.partitions})
            with systems.topics_of(replace(bench, settings=settings), "scale") as own:
                found.runs.append(_run(bench, plan, originals, cell, number, own))
    return found


def _empty_rss_mb(bench: Bench) -> float:
    bench.say("scale: a worker without people")
    with systems.topics_of(bench, "empty") as settings:
        log = bench.folder / "scale-empty.log"
        with _worker(settings, log) as child:
            systems.wait_ready(settings.web_port, child)
            return child.rss_bytes / _MB


def _worker(settings: Settings, log: Path) -> Child:
    command = systems.command("pipeline.cli.main", "worker")
    return Child(command, systems.environment(settings), log)


def _run(  # noqa: PLR0913 - a cell's own
    bench: Bench,
    plan: Plan,
    originals: Sequence[Template],
    cell: Cell,
    number: int,
    settings: Settings,
) -> Run:
    told = f"scale: {cell.workers} workers, {cell.people:,} people, {cell.partitions} partitions"
    bench.say(f"{told}, skew {cell.skew:g}")
    # Everybody's score is of the month that the events are of, so time alone changes none.
    position = Position({}, END_MS, int(month_of_ms(END_MS)))
    _, changelog = asyncio.run(recovery.fill(settings, originals, cell.people, position))
    with ExitStack() as stack:
        watch = stack.enter_context(Watch(settings))
        backlog = stack.enter_context(Backlog(settings))
        counted = _Counted()
        backlog.load(counted.through(_events(plan, originals, cell, settings)))
        ends = watch.ends(_DATA)
        before = watch.ends([topic.name for topic in WRITTEN])
        children = []
        for index in range(cell.workers):
            own = settings.model_copy(update={"web_port": systems.free_port()})
            log = bench.folder / f"scale-{number}-{index}.log"
            children.append((stack.enter_context(_worker(own, log)), own.web_port))
        _wait_all_ready(children)
        workers = [child for child, _ in children]
        ready_rss = sum(child.rss_bytes for child in workers)
        released_at = time.time()
        backlog.release()
        for child in workers:
            systems.wait_through(bench, "scale", watch, child, ends)
        peak_rss = sum(child.peak_rss_bytes for child in workers)
    written = read_back(settings, before)
    if written.applied != plan.events:
        raise SesameError(f"{written.applied:,} of {plan.events:,} events were applied")
    return Run(
        run=number,
        cell=cell,
        events=written.applied,
        seconds=written.last_at - released_at,
        cpu_seconds=sum(
            at_time(child.samples, written.last_at) - at_time(child.samples, released_at)
            for child in workers
        ),
        ready_rss_mb=ready_rss / _MB,
        peak_rss_mb=peak_rss / _MB,
        transactions=written.transactions,
        input_bytes=counted.nbytes,
        changelog_bytes=changelog,
        written=written.as_json()["topics"],
    )


def _events(
    plan: Plan, originals: Sequence[Template], cell: Cell, settings: Settings
) -> Iterator[Sent]:
    seed = plan.workload.seed
    rng = np.random.default_rng((seed, cell.people, round(100 * cell.skew)))
    users = list(population.names(originals, cell.people))
    chosen = drawn_events.draw(cell.people, plan.events, cell.skew, rng)
    return drawn_events.records(users, chosen, seed, open_registry(settings))


@dataclass(slots=True)
class _Counted:
    """Bytes of keys and values that went by."""

    nbytes: int = 0

    def through(self, records: Iterator[Sent]) -> Iterator[Sent]:
        """Pass records on, counted."""
        for record in records:
            self.nbytes += len(record.key or b"") + len(record.value or b"")
            yield record


def _wait_all_ready(children: Sequence[tuple[Child, int]]) -> None:
    """Wait until all are ready at one time: a worker that joins takes from those that were."""
    deadline = time.monotonic() + _READY_S
    with httpx.Client() as client:
        while time.monotonic() < deadline:
            for child, port in children:
                systems.wait_ready(port, child)
            time.sleep(_POLL_S)
            if all(systems.is_ready(port, client) for _, port in children):
                return
    raise SesameError(f"the workers were not all ready within {_READY_S:.0f} s")
