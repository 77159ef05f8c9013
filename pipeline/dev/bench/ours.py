"""Our worker, one or several on the same topics, and the copy: how they start, one run of each."""

import json
from collections.abc import Sequence
from pathlib import Path

from pipeline.dev.bench.arithmetic import OURS
from pipeline.dev.bench.broker import Watch
from pipeline.dev.bench.child import Child, Group
from pipeline.dev.bench.readback import Written, read_back
from pipeline.dev.bench.systems import (
    COPY,
    Bench,
    Measured,
    command,
    environment,
    free_port,
    release,
    wait_all_ready,
)
from pipeline.dev.bench.workload import Workload
from pipeline.errors import SesameError
from pipeline.settings import Settings, variable

_WORKER = ("pipeline.cli.main", "worker")
_READY_S = 120.0


def named(system: str, workers: int) -> str:
    """What a system of ours is called with so many workers.

    >>> named("sesame", 1), named("sesame", 2)
    ('sesame', 'sesame-2')
    """
    return system if workers == 1 else f"{system}-{workers}"


class Workers(Group):
    """So many workers on the topics of ``settings``, as one consumer group."""

    def __init__(
        self, settings: Settings, number: int, log: Path, module: Sequence[str] = _WORKER
    ) -> None:
        """Put them together; nothing runs yet.

        Args:
            settings: Those of all; each has a port of its own, and a folder for state if any has.
            number: How many.
            log: Takes the output of all.
            module: What each runs, with its arguments.
        """
        self._ports = [settings.web_port, *(free_port() for _ in range(1, number))]
        told = [environment(settings) | {variable("web_port"): str(port)} for port in self._ports]
        if number > 1 and settings.state_dir is not None:
            for index, own in enumerate(told):
                own[variable("state_dir")] = str(settings.state_dir / f"worker-{index}")
        super().__init__([Child(command(*module), own, log) for own in told])

    def wait_ready(self, within_s: float = _READY_S) -> None:
        """Wait until all are ready at one time.

        Raises:
            ChildEndedError: One ended.
            SesameError: They are not ready in time.
        """
        wait_all_ready(list(zip(self._ports, self.children, strict=True)), within_s)


def run_sesame(
    bench: Bench, workload: Workload, number: int, settings: Settings, workers: int = 1
) -> Measured:
    """Our workers, on a backlog that appears all at once; a first one, untimed, warms them up.

    Raises:
        SesameError: One ended or stood still, or events were lost.
    """
    system = named(OURS, workers)
    group = Workers(settings, workers, _log(bench, system, number))
    return _run(bench, system, number, settings, workload, group)


def run_copy(  # noqa: PLR0913 - as `run_sesame`, and what that wrote
    bench: Bench,
    workload: Workload,
    number: int,
    settings: Settings,
    written: Written,
    workers: int = 1,
) -> Measured:
    """The copy, on the same backlog; it writes as much as ``written`` says of the timed one.

    Raises:
        SesameError: One ended or stood still, or events were lost.
    """
    system = named(COPY, workers)
    volumes = bench.folder / f"{system}-volumes-{number}.json"
    volumes.write_text(json.dumps({**written.as_json(), "events": workload.timed_events}))
    module = ("pipeline.dev.bench.copy_worker", str(volumes))
    group = Workers(settings, workers, _log(bench, system, number), module)
    return _run(bench, system, number, settings, workload, group)


def _run(  # noqa: PLR0913 - what the callers differ in
    bench: Bench,
    system: str,
    number: int,
    settings: Settings,
    workload: Workload,
    group: Workers,
) -> Measured:
    def started(_: Watch) -> None:
        group.wait_ready()

    released = release(bench, system, settings, workload, group, started)
    bench.say(f"{system}: reading back what it wrote")
    written = read_back(settings, counted_from=released.ends)
    if written.applied != workload.data_events:
        raise SesameError(f"{system} took {written.applied} of {workload.data_events} events")
    return released.measured(system, number, written.last_at, written)


def _log(bench: Bench, system: str, number: int) -> Path:
    return bench.folder / f"{system}-{number}.log"
