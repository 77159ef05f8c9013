"""What every generator of events needs: months, times, tables of columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.dev.simulator.population import Float, Population
from pipeline.factors.columns import Bool, Int32, Int64

Column = NDArray[Any]
Table = dict[str, Column]
"""Columns of equal length by name; ``user`` and ``occurred_at_ms`` always among them."""

DAY_MS = 86_400_000
FIRST_MS = 60_000
"""What follows on joining comes at least this much later: the consents come first."""
NULL_CODE = 255
"""Stands for null in columns of small codes."""


def month_bounds(end_ms: int, months: int) -> Int64:
    """The ends of ``months`` calendar months up to ``end_ms``, oldest first, (months + 1,).

    The day of the month is cut to 28, so that every month has it.
    """
    end = np.datetime64(end_ms, "ms")
    month, day = end.astype("M8[M]"), end.astype("M8[D]")
    into_month = min(int((day - month.astype("M8[D]")).astype(int)), 27) * DAY_MS
    into_day = int((end - day.astype("M8[ms]")).astype(int))
    starts = (month + np.arange(-months, 1)).astype("M8[ms]").astype(np.int64)
    bounds: Int64 = starts + into_month + into_day
    return bounds


@dataclass(frozen=True, slots=True)
class Stage:
    """Where events happen: the people, the months and this topic's own randomness."""

    people: Population
    bounds: Int64
    rng: np.random.Generator
    intensity: float

    @property
    def start_ms(self) -> int:
        """The start of the history."""
        return int(self.bounds[0])

    @property
    def end_ms(self) -> int:
        """The end of the history."""
        return int(self.bounds[-1])

    def trait(self, name: str) -> Float:
        """One trait of every person."""
        return self.people.traits[name]

    def starts(self) -> Int64:
        """When each person's part of each month begins, (people, months); its end if none."""
        later = np.maximum(self.bounds[None, :-1], self.people.joined_ms[:, None])
        return np.minimum(later, self.bounds[None, 1:])

    def at_random_times(self, rate: Float) -> tuple[Int32, Int64]:
        """Poisson events: users and times, at ``rate`` a month, (people, 1) or (people, months)."""
        starts = self.starts()
        spans = self.bounds[None, 1:] - starts
        share = spans / np.diff(self.bounds)[None, :]
        counts = self.rng.poisson(rate * share).ravel()
        cell = np.repeat(np.arange(counts.size), counts)
        user = (cell // share.shape[1]).astype(np.int32)
        times = starts.ravel()[cell] + self.rng.random(len(cell)) * spans.ravel()[cell]
        return user, times.astype(np.int64)

    def due_dates(self, user: Int32) -> tuple[Int32, Int64]:
        """One due date a month for each entry, always at its own point of the month.

        Returns:
            The entry's index and the date, without dates before the person joined.
        """
        phase = self.rng.random(len(user))
        widths = np.diff(self.bounds)
        due = self.bounds[None, :-1] + (phase[:, None] * widths[None, :]).astype(np.int64)
        entry, month = np.nonzero(due > self.people.joined_ms[user][:, None])
        return entry.astype(np.int32), due[entry, month]

    def happens(self, probability: Float) -> Bool:
        """True with each entry's probability."""
        return self.rng.random(len(probability)) < probability


def amounts(rng: np.random.Generator, n: int, median: float, spread: float) -> Int64:
    """Log-normal amounts in minor units; ``median`` in whole units."""
    return (100 * rng.lognormal(np.log(median), spread, n)).astype(np.int64)


def merge(
    parts: Sequence[Table], defaults: Mapping[str, tuple[type[np.generic], int]], stage: Stage
) -> Table:
    """One table of the parts' rows up to the stage's end, by event time.

    Args:
        parts: Tables; a scalar array stands for a constant column.
        defaults: Dtype and default of every column but user and time.
        stage: Whose end nothing may pass.
    """
    columns: Table = {}
    sizes = [len(part["user"]) for part in parts]
    times = np.concatenate([part["occurred_at_ms"] for part in parts]).astype(np.int64)
    order = np.argsort(times, kind="stable")
    order = order[: np.searchsorted(times[order], stage.end_ms, side="left")]
    columns["occurred_at_ms"] = times[order]
    every = {"user": (np.int32, 0), **defaults}
    for name, (dtype, default) in every.items():
        pieces: list[Column] = [
            np.broadcast_to(np.asarray(part.get(name, default), dtype), size)
            for part, size in zip(parts, sizes, strict=True)
        ]
        columns[name] = np.concatenate(pieces)[order]
    return columns


def pick(rng: np.random.Generator, n: int, shares: Sequence[float] | Float) -> Int64:
    """Codes 0, 1, ... by their shares, which need not add up to 1."""
    edges = np.cumsum(np.asarray(shares, np.float64))
    return np.searchsorted(edges / edges[-1], rng.random(n), side="right")
