"""What the runs of a grid found, and what follows from them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from statistics import median
from typing import Any

from pipeline.dev.bench.scale.grid import Cell

_MB = 1_000_000


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
    positions: dict[str, int]
    """The positions in the changelog, which ``written`` leaves aside."""

    def as_json(self) -> dict[str, Any]:
        """For programs, with what follows from it."""
        return {
            **asdict(self),
            "events_per_second": self.events / self.seconds,
            "events_per_cpu_second": self.events / self.cpu_seconds,
        }


@dataclass(slots=True)
class Found:
    """All runs; and by number of partitions the memory of a worker of all of them, all empty."""

    empty_rss_mb: Mapping[int, float]
    runs: list[Run] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """All of it, for programs."""
        return {
            "empty_rss_mb": {str(number): mb for number, mb in self.empty_rss_mb.items()},
            "runs": [run.as_json() for run in self.runs],
            "summaries": list(self._summaries()),
        }

    def _summaries(self) -> Iterator[dict[str, Any]]:
        """Each cell's medians."""
        for cell in dict.fromkeys(run.cell for run in self.runs):
            some = self._of(cell)
            yield {
                **asdict(cell),
                "runs": len(some),
                "events_per_second": median(run.events / run.seconds for run in some),
                "lowest": min(run.events / run.seconds for run in some),
                "highest": max(run.events / run.seconds for run in some),
                "events_per_cpu_second": median(run.events / run.cpu_seconds for run in some),
                "bytes_a_person": self._held_mb(cell) * _MB / cell.people,
                "bytes_each_more": self._each_more(cell),
                "peak_rss_mb": median(run.peak_rss_mb for run in some),
            }

    def _of(self, cell: Cell) -> Sequence[Run]:
        return [run for run in self.runs if run.cell == cell]

    def _held_mb(self, cell: Cell) -> float:
        """What people add to the memory of all workers of a cell."""
        held = median(run.ready_rss_mb for run in self._of(cell))
        return held - cell.workers * self.empty_rss_mb[cell.partitions]

    def _each_more(self, cell: Cell) -> float | None:
        """Bytes that each person adds to the cell with the next fewer; None: there is none.

        Free of what a worker takes by itself, however that was measured.
        """
        cells = {run.cell for run in self.runs}
        alike = (c for c in cells if replace(c, people=cell.people) == cell)
        fewer = max((c for c in alike if c.people < cell.people), key=_people, default=None)
        if fewer is None:
            return None
        added = self._held_mb(cell) - self._held_mb(fewer)
        return added * _MB / (cell.people - fewer.people)


def _people(cell: Cell) -> int:
    return cell.people
