"""How long a worker takes to restore its people, and what they weigh."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.dev.bench import population, systems, takeover
from pipeline.dev.bench.child import Child
from pipeline.dev.bench.population import Template
from pipeline.dev.bench.systems import Bench
from pipeline.dev.bench.takeover import TakeOver
from pipeline.dev.bench.workload import Workload
from pipeline.factors.state import BatchState
from pipeline.settings import Settings
from pipeline.streaming.journal import Kind
from pipeline.streaming.output import Output
from pipeline.streaming.position import Position
from pipeline.streaming.sends import sends
from pipeline.streaming.transaction import TransactionalWriter, id_of

_MB = 1_000_000
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Started:
    """From the start of the process to ready, and the memory it then held and had held."""

    seconds: float
    rss_mb: float
    peak_rss_mb: float


@dataclass(frozen=True, slots=True)
class Recovery:
    """A worker started on nothing, one started on a changelog of so many people, and one lost.

    ``store`` is where people's rows were. ``again`` is one started after that one had ended, on the
    checkpoints it left; None: it left none. ``take_over`` None: workers had folders on disk, which
    two cannot share.
    """

    people: int
    changelog_records: int
    changelog_bytes: int
    store: str
    empty: Started
    full: Started
    take_over: TakeOver | None = None
    again: Started | None = None

    @property
    def restore_seconds(self) -> float:
        """What the people add to the start of a worker."""
        return self.full.seconds - self.empty.seconds

    @property
    def people_per_second(self) -> float:
        """People restored a second, start-up included."""
        return self.people / self.full.seconds

    @property
    def rss_mb_per_million(self) -> float:
        """What a million people add to the memory of an empty worker."""
        return (self.full.rss_mb - self.empty.rss_mb) * _MILLION / self.people


def measure(bench: Bench, workload: Workload, people: int) -> Recovery:
    """Fill a changelog with copies of the workload's people, and time a worker on it.

    Raises:
        SesameError: The worker ended or was not ready in time.
    """
    bench.say(f"recovery: folding {workload.data_events:,} events of {workload.people:,} people")
    replay = population.fold(workload, bench.settings)
    originals = population.templates(replay.store)
    with systems.topics_of(bench, "recovery") as settings:
        bench.say("recovery: starting a worker on nothing, twice")
        # With the first the broker makes the topics it keeps groups and transactions in, and
        # Python the bytecode.
        _start(settings, bench.folder, "first")
        empty = _start(settings, bench.folder, "empty")
        bench.say(f"recovery: writing the changelog of {people:,} people")
        position = population.swept(replay.position)
        records, size = asyncio.run(fill(settings, originals, people, position))
        bench.say("recovery: starting a worker on it")
        full = _start(settings, bench.folder, "full")
        take_over = again = None
        if settings.state_dir is None:
            bench.say("recovery: killing one of two workers that stand by for each other")
            take_over = takeover.measure(settings, bench.folder)
        else:
            bench.say("recovery: starting a worker on what that one has left")
            again = _start(settings, bench.folder, "again")
    return Recovery(people, records, size, settings.store, empty, full, take_over, again)


def _start(settings: Settings, folder: Path, name: str) -> Started:
    """A worker's start, from bytecode that the first one leaves: as where it is installed."""
    command = systems.command("pipeline.cli.main", "worker")
    bytecode = {"PYTHONPYCACHEPREFIX": str(folder / "bytecode"), "PYTHONDONTWRITEBYTECODE": ""}
    environment = systems.environment(settings) | bytecode
    with Child(command, environment, folder / f"recovery-{name}.log") as child:
        began = time.monotonic()
        systems.wait_ready(settings.web_port, child)
        return Started(
            seconds=time.monotonic() - began,
            rss_mb=child.rss_bytes / _MB,
            peak_rss_mb=child.peak_rss_bytes / _MB,
        )


async def fill(
    settings: Settings, originals: Sequence[Template], people: int, position: Position
) -> tuple[int, int]:
    """Write the changelog as the lanes would; its records and bytes, positions aside."""
    writers = [
        TransactionalWriter(settings, id_of(settings.app_id, number))
        for number in range(settings.partitions)
    ]
    records = size = 0
    try:
        await asyncio.gather(*(writer.start() for writer in writers))
        for by_partition in population.copies(originals, people, settings.partitions):
            outputs = [
                Output(Kind.BATCH, BatchState.empty([]), position, changelog=entries)
                for entries in by_partition
            ]
            await asyncio.gather(
                *(
                    writer.write(sends(output, number, settings.partitions))
                    for number, (writer, output) in enumerate(zip(writers, outputs, strict=True))
                )
            )
            records += sum(map(len, by_partition))
            size += sum(len(k) + len(v or b"") for some in by_partition for k, v in some)
    finally:
        await asyncio.gather(*(writer.stop() for writer in writers))
    return records, size
