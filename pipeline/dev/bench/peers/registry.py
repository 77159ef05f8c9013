"""The systems that are compared, each told once: how it runs and where it comes from.

A new one is a line in ``known``.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from importlib.metadata import version

from pipeline.dev.bench import jvm
from pipeline.dev.bench.arithmetic import OURS
from pipeline.dev.bench.machine import processors
from pipeline.dev.bench.ours import named, run_copy, run_sesame
from pipeline.dev.bench.peers.python import BYTEWAX, FAUST, QUIX
from pipeline.dev.bench.readback import Written
from pipeline.dev.bench.systems import COPY, Bench, Measured
from pipeline.dev.bench.workload import Workload
from pipeline.errors import RefusedError, SesameError
from pipeline.settings import Settings

Say = Callable[[str], None]
"""Is told what goes on."""
Runner = Callable[[Bench, Workload, int, Settings], Measured]
"""One run on topics of its own, which ``Settings`` name; the number is the round's."""


class Share(Enum):
    """How much of the workload a system gets."""

    ALL = "all"
    FEW = "few"
    """The same mix of fewer people: enough for a steady rate of a slow system."""


@dataclass(frozen=True, slots=True)
class System:
    """A system under comparison.

    Args:
        name: As tables and ``--only`` have it.
        run: One run of it.
        version: Builds it where it has to be, and says what will run; raises a SesameError with
            the reason where nothing will.
        share: How much of the workload it gets.
        scores: Whether it scores at all.
        workers: How many of our workers, or copies of them, it is; 0: it is not ours.
        after: What has to run before it in each round.
    """

    name: str
    run: Runner
    version: Callable[[Say], str]
    share: Share
    scores: bool = True
    workers: int = 0
    after: str | None = None


class Pair:
    """So many of our workers, and as many copies that write as much as they in the same round."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._written: dict[int, Written] = {}

    def systems(self) -> tuple[System, System]:
        """Both, to be compared."""
        number = self._workers
        own = "" if number == 1 else f", {number} workers"
        name = named(OURS, number)
        return (
            System(
                name,
                self.ours,
                lambda _: f"{_installed('sesame-score')}{own}",
                Share.ALL,
                workers=number,
            ),
            System(
                named(COPY, number),
                self.copy,
                lambda _: f"no work between{own}",
                Share.ALL,
                scores=False,
                workers=number,
                after=name,
            ),
        )

    def ours(self, bench: Bench, workload: Workload, number: int, settings: Settings) -> Measured:
        """A run of our workers."""
        measured = run_sesame(bench, workload, number, settings, self._workers)
        self._written[number] = measured.written
        return measured

    def copy(self, bench: Bench, workload: Workload, number: int, settings: Settings) -> Measured:
        """A run of the copies, after ours."""
        written = self._written[number]
        return run_copy(bench, workload, number, settings, written, self._workers)


def known(settings: Settings) -> tuple[System, ...]:
    """Every system, in the order they run in the first round.

    Ours is there with one worker and, where that is more, with as many as there are processors;
    one without a partition would have nothing to do.
    """
    most = min(processors(), settings.partitions)
    return (
        *(system for workers in sorted({1, most}) for system in Pair(workers).systems()),
        System(FAUST.system, FAUST.run, lambda _: FAUST.version(), Share.FEW),
        System(QUIX.system, QUIX.run, lambda _: QUIX.version(), Share.FEW),
        System(BYTEWAX.system, BYTEWAX.run, lambda _: BYTEWAX.version(), Share.FEW),
        System(
            jvm.KAFKA_STREAMS,
            jvm.run_kafka_streams,
            lambda say: jvm.version(jvm.KAFKA_STREAMS, settings, say),
            Share.ALL,
        ),
        System(
            jvm.FLINK,
            jvm.run_flink,
            lambda say: jvm.version(jvm.FLINK, settings, say),
            Share.ALL,
        ),
    )


def choose(systems: Sequence[System], names: Iterable[str]) -> list[System]:
    """The systems of these names, all if there are none.

    Ours always, as ratios are over it; and what has to run before one that is named.

    Raises:
        RefusedError: A name is unknown.
    """
    wanted = set(names)
    unknown = sorted(wanted - {system.name for system in systems})
    if unknown:
        offered = ", ".join(system.name for system in systems)
        raise RefusedError(f"no system is named {', '.join(unknown)}; there are {offered}")
    needed = {each.after for each in systems if each.name in wanted}
    return [each for each in systems if not wanted or each.name in wanted | needed | {OURS}]


def in_turn(systems: Sequence[System], number: int) -> list[System]:
    """The order of a round, numbered from 1: ours with the copies behind them, then the others.

    The others begin with another one each time, so that none is always the last.
    """
    ours = [each for each in systems if each.workers]
    others = [each for each in systems if not each.workers]
    first = (number - 1) % len(others) if others else 0
    return [*ours, *others[first:], *others[:first]]


def probe(systems: Iterable[System], say: Say) -> tuple[dict[str, str], dict[str, str]]:
    """By name: the versions of those that can run here, and why the others cannot.

    Whatever has to be built is built by it, so that no run fails for want of a compiler.
    """
    versions: dict[str, str] = {}
    left_out: dict[str, str] = {}
    for system in systems:
        try:
            versions[system.name] = system.version(say)
        except SesameError as error:
            left_out[system.name] = str(error)
    return versions, left_out


def _installed(name: str) -> str:
    return f"{name} {version(name)}"
