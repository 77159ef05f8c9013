"""The stages that are counted: a worker's step on one batch, cut where the work changes."""

import gc
import pickle
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.codec.registry import FileRegistry
from pipeline.factors.admission import Policy
from pipeline.scoring.model import load_model
from pipeline.streaming import step
from pipeline.streaming.arrivals import decode
from pipeline.streaming.position import Position
from pipeline.streaming.store import PartitionStore

YARDSTICK = "yardstick"
_MODEL = "default@1"
_LOOPS = 5_000
_SMALL, _CALLS = 256, 500


class Fetched(NamedTuple):
    """A record as the lanes take it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """What a partition holds before a batch, and the batch by topic."""

    store: PartitionStore
    position: Position
    records: Mapping[str, Sequence[Fetched]]


def context() -> step.StepContext:
    """A worker's, whatever the environment says."""
    return step.StepContext(
        registry=FileRegistry(),
        model=load_model(_MODEL),
        policy=Policy(lateness_days=31),
        partition=0,
        partitions=8,
        topic_prefix="",
    )


def stages(given: Given) -> dict[str, Callable[[], object]]:
    """Each stage by name, to be run as often as one likes; none changes what it is given.

    ``decode``: from bytes to columns. ``fold``: gather the people's rows, fold into copies.
    ``score``: score, encode what is published, lay out the changelog. ``scatter``: write the
    rows back, to a copy of the store: in it a fold would meet its own events again.
    """
    held = context()
    decoded = decode(given.records, held.registry)

    def fold() -> step.Folded:
        return step.fold(given.store, decoded, given.position, held)

    folded = fold()
    rows = folded.state.rows.copy()

    def score() -> object:
        # Scoring notes in the rows what it published, and would find nothing new the next time.
        folded.state.rows[:] = rows
        return step.finish(folded, given.position, held)

    output = step.finish(fold(), given.position, held)
    written = deepcopy(given.store)
    return {
        "decode": lambda: decode(given.records, held.registry),
        "fold": fold,
        "score": score,
        "scatter": lambda: written.scatter(output.state, output.changed),
        YARDSTICK: yardstick,
    }


def yardstick() -> int:
    """Plain Python and small numpy calls, about as much of each as the step has."""
    seen: dict[int, int] = defaultdict(int)
    for number in range(_LOOPS):
        seen[number % 97] += len(str(number))
    values = np.arange(_SMALL, dtype=np.int64)
    total = 0
    for _ in range(_CALLS):
        values = np.where(values > _SMALL, values - _SMALL, values * 3 + 1)
        total += int(values[np.argsort(values)[0]])
    return total + len(seen)


def main() -> None:
    """Run one stage so many times: arguments are the input's file, the stage, the number."""
    gc.disable()
    file, name, times = sys.argv[1:]
    stage = stages(pickle.loads(Path(file).read_bytes()))  # noqa: S301 - made by `counts`
    for work in stage.values():
        work()  # what is loaded or compiled once is of none
    for _ in range(int(times)):
        stage[name]()


if __name__ == "__main__":
    main()
