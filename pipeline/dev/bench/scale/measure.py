"""Runs of a grid's cells, round by round."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import product

import numpy as np

from pipeline import topics
from pipeline.codec.open import open_registry
from pipeline.dev.bench import population, recovery, systems
from pipeline.dev.bench.arithmetic import at_time
from pipeline.dev.bench.backlog import Backlog
from pipeline.dev.bench.broker import Watch
from pipeline.dev.bench.ours import Workers
from pipeline.dev.bench.population import Template
from pipeline.dev.bench.readback import WRITTEN, read_back
from pipeline.dev.bench.scale import events as drawn_events
from pipeline.dev.bench.scale.found import Found, Run
from pipeline.dev.bench.scale.grid import Cell, Grid
from pipeline.dev.bench.systems import Bench
from pipeline.dev.bench.workload import DATA_TOPICS, END_MS, Workload
from pipeline.dev.simulator.bad import Sent
from pipeline.errors import SesameError
from pipeline.factors.months import month_of_ms
from pipeline.settings import Settings
from pipeline.streaming.position import Position

_MB = 1_000_000
_READY_S = 600.0
_DATA = [topic.name for topic in DATA_TOPICS]
_READ = (*WRITTEN, topics.JOURNAL)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run; people are copies of those of ``workload``, ``events`` are of each cell."""

    workload: Workload
    grid: Grid
    events: int
    runs: int


def measure(bench: Bench, plan: Plan) -> Found:
    """Run every cell ``plan.runs`` times, in turn.

    Raises:
        SesameError: A worker ended or stood still, or events were lost.
    """
    bench.say(f"scale: folding {plan.workload.data_events:,} events")
    replay = population.fold(plan.workload, bench.settings)
    drawn = _Drawn(plan, population.templates(replay.store))
    cells = plan.grid.cells()
    found = Found(_empty_rss_mb(bench, sorted({cell.partitions for cell in cells})))
    for number, (turn, cell) in product(range(1, plan.runs + 1), enumerate(cells, 1)):
        began = time.monotonic()
        with systems.topics_of(_with(bench, cell.partitions), "scale") as settings:
            run = _CellRun(bench, drawn, cell, number, settings).measured()
        found.runs.append(run)
        bench.note(
            f"round {number} of {plan.runs}, cell {turn} of {len(cells)}, {cell}: "
            f"{run.events / run.seconds:,.0f} events/s, took {time.monotonic() - began:.0f} s"
        )
    return found


def _with(bench: Bench, partitions: int) -> Bench:
    return replace(bench, settings=bench.settings.model_copy(update={"partitions": partitions}))


def _empty_rss_mb(bench: Bench, partitions: Sequence[int]) -> dict[int, float]:
    """By number of partitions, the memory of a worker that owns all and has no people."""
    found = {}
    for number in partitions:
        bench.say(f"scale: a worker without people, {number} partitions")
        with systems.topics_of(_with(bench, number), "empty") as settings:
            log = bench.folder / f"scale-empty-{number}.log"
            with Workers(settings, 1, log) as worker:
                worker.wait_ready()
                found[number] = worker.rss_bytes / _MB
    return found


@dataclass(slots=True)
class _Drawn:
    """The events of a cell; cells that differ in workers or partitions alone have the same."""

    plan: Plan
    originals: Sequence[Template]
    _of: tuple[int, float] | None = None
    _events: list[Sent] = field(default_factory=list)

    def events(self, cell: Cell, settings: Settings) -> list[Sent]:
        """As many as are planned, of people drawn with the cell's skew."""
        if self._of != (cell.people, cell.skew):
            self._events = []
            rng = np.random.default_rng(
                (self.plan.workload.seed, cell.people, round(100 * cell.skew))
            )
            chosen = drawn_events.draw(cell.people, self.plan.events, cell.skew, rng)
            unique, place = np.unique(chosen, return_inverse=True)
            users = [population.name_of(self.originals, i) for i in unique.tolist()]
            registry, seed = open_registry(settings), self.plan.workload.seed
            self._events = list(drawn_events.records(users, place, seed, registry))
            self._of = (cell.people, cell.skew)
        return self._events


@dataclass(frozen=True, slots=True)
class _CellRun:
    """One run of a cell, on topics of its own."""

    bench: Bench
    drawn: _Drawn
    cell: Cell
    number: int
    settings: Settings

    def measured(self) -> Run:
        """Fill the changelog, restore it with all workers, and time them on a backlog."""
        say = self.bench.say
        say(f"scale: writing the changelog of {self.cell.people:,} people")
        changelog = self._fill()
        events = self.drawn.events(self.cell, self.settings)
        log = self.bench.folder / f"scale-{self.number}.log"
        workers = Workers(self.settings, self.cell.workers, log)
        with Watch(self.settings) as watch, Backlog(self.settings) as backlog:
            say(f"scale: loading {len(events):,} events")
            backlog.load(events)
            ends, before = watch.ends(_DATA), watch.ends([topic.name for topic in _READ])
            with workers:
                say("scale: starting")
                workers.wait_ready(_READY_S)
                ready_rss = workers.rss_bytes
                released_at = time.time()
                backlog.release()
                systems.wait_through(self.bench, "scale", watch, workers, ends)
                peak_rss = workers.peak_rss_bytes
        say("scale: reading back what was written")
        written = read_back(self.settings, before, chosen=_READ)
        if written.applied != len(events):
            raise SesameError(f"{written.applied:,} of {len(events):,} events were applied")
        used = workers.samples
        return Run(
            run=self.number,
            cell=self.cell,
            events=written.applied,
            seconds=written.last_at - released_at,
            cpu_seconds=at_time(used, written.last_at) - at_time(used, released_at),
            ready_rss_mb=ready_rss / _MB,
            peak_rss_mb=peak_rss / _MB,
            transactions=written.transactions,
            input_bytes=sum(len(sent.key or b"") + len(sent.value or b"") for sent in events),
            changelog_bytes=changelog,
            written=written.as_json()["topics"],
            positions=asdict(written.positions),
        )

    def _fill(self) -> int:
        """Put everybody into the changelog; its bytes."""
        # Everybody's score is of the month that the events are of, so time alone changes none.
        position = Position({}, END_MS, int(month_of_ms(END_MS)))
        filling = recovery.fill(self.settings, self.drawn.originals, self.cell.people, position)
        return asyncio.run(filling)[1]
