"""Counts the instructions of each stage with valgrind, on an input that is always the same."""

import os
import pickle
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

from pipeline.dev.bench.population import KAFKA_MS, Record, Replay
from pipeline.dev.bench.workload import Workload
from pipeline.dev.guard.stages import Fetched, Given, context, stages
from pipeline.dev.simulator.bad import Sent
from pipeline.errors import SesameError

PEOPLE, EVENTS, SEED = 400, 16_000, 1
BATCH = 2_000
"""Events of the batch, the newest of all; those before have made the people's rows."""
_TIMES = {"scatter": 200}
_TIMES_OTHERS = 10
"""So many that start and imports, of which a thousandth varies, hardly count."""
_COUNTED = re.compile(r"I\s+refs:\s+([\d,]+)")
_VALGRIND = (
    "valgrind",
    "--tool=cachegrind",
    "--cache-sim=no",
    "--cachegrind-out-file=/dev/null",
    # Caches of the machine itself are of no interest, and not all are understood.
    "--I1=32768,8,64",
    "--D1=32768,8,64",
    "--LL=8388608,16,64",
)


_SAME = {
    "PYTHONHASHSEED": "0",
    # Threads that wait for work count as instructions too, as many as the scheduler lets them.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}


class CountError(SesameError):
    """Instructions could not be counted."""


def count() -> dict[str, float]:
    """Instructions of the batch by stage, and of the yardstick.

    What one more run of a stage adds, over a few: start and imports are the same for all.

    Raises:
        CountError: There is no valgrind, or a run failed.
    """
    if shutil.which("valgrind") is None:
        raise CountError("valgrind is needed (Debian, Ubuntu: apt-get install valgrind)")
    given = prepare()
    names = list(stages(given))
    with tempfile.TemporaryDirectory(prefix="sesame-guard-") as folder:
        file = Path(folder) / "input"
        file.write_bytes(pickle.dumps(given))
        times = [_TIMES.get(name, _TIMES_OTHERS) for name in names]
        runs = [(file, names[0], 0), *((file, *run) for run in zip(names, times, strict=True))]
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            start, *totals = pool.map(_run, runs)
    return {
        name: (total - start) / number
        for name, total, number in zip(names, totals, times, strict=True)
    }


def prepare() -> Given:
    """The state that a small population leaves, and its newest events."""
    workload = Workload(PEOPLE, EVENTS, SEED)
    replay = Replay(context())
    registry = replay.context.registry
    _apply(replay, chain.from_iterable(c.records for c in workload.consents(registry).chunks()))
    data = list(chain.from_iterable(c.records for c in workload.data(registry).chunks()))
    _apply(replay, data[:-BATCH])
    newest = {
        name: [Fetched(r.offset, r.timestamp, r.key, r.value) for r in records]
        for name, records in _records(data[-BATCH:]).items()
    }
    return Given(replay.store, replay.position, newest)


def _apply(replay: Replay, sent: Iterable[Sent]) -> None:
    if records := _records(sent):
        replay.apply(records)


def _records(sent: Iterable[Sent]) -> dict[str, list[Record]]:
    by_topic: dict[str, list[Record]] = defaultdict(list)
    for number, one in enumerate(sent):
        by_topic[one.topic.name].append(Record(number, KAFKA_MS, one.key, one.value))
    return dict(by_topic)


def _run(run: tuple[Path, str, int]) -> int:
    """Instructions of a process that repeats one stage so many times."""
    file, name, times = run
    done = subprocess.run(  # noqa: S603 - our own command
        [*_VALGRIND, sys.executable, "-m", stages.__module__, str(file), name, str(times)],
        env=os.environ | _SAME,
        capture_output=True,
        text=True,
        check=False,
    )
    counted = _COUNTED.search(done.stderr)
    if done.returncode or counted is None:
        raise CountError(f"the stage {name} could not be counted:\n{done.stderr[-2_000:]}")
    return int(counted[1].replace(",", ""))
