"""What a measurement of ``sesame bench`` runs on, and what comes of it."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pipeline import settings

if TYPE_CHECKING:
    from pipeline.dev.bench.systems import Bench
    from pipeline.dev.bench.workload import Workload

_Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A measurement's result.

    Args:
        result: All of it, for programs.
        name: The file it is kept as.
        tell: Prints it.
        given: What belongs to its input beside the workload.
    """

    result: dict[str, Any]
    name: str
    tell: Callable[[], None]
    given: dict[str, Any] = field(default_factory=dict)


@contextmanager
def prepared(partitions: int, *, show: bool) -> Iterator["Bench"]:
    """A bench on the Kafka of SESAME_BOOTSTRAP or one of its own; ``show`` what goes on."""
    from pipeline.dev.bench.systems import Bench  # noqa: PLC0415 - help stays quick
    from pipeline.dev.broker import EmbeddedBroker  # noqa: PLC0415

    with (
        tempfile.TemporaryDirectory(prefix="sesame-bench-") as folder,
        _status(show) as (say, note),
    ):
        if _is_given_broker():
            yield Bench(settings.load(partitions=partitions), Path(folder), say, note)
            return
        say("starting Kafka")
        with EmbeddedBroker() as broker:
            current = settings.load(bootstrap=broker.bootstrap, partitions=partitions)
            yield Bench(current, Path(folder), say, note)


@contextmanager
def _status(show: bool) -> Iterator[tuple[_Say, _Say]]:  # noqa: FBT001 - says it all
    """What goes on just now, on a line that changes; and what is to stay, a line each."""
    from rich.console import Console  # noqa: PLC0415

    console = Console(stderr=True, quiet=not show)
    with console.status("") as status:
        yield status.update, partial(typer.echo, err=True)


def _is_given_broker() -> bool:
    return bool(os.environ.get(settings.variable("bootstrap")))


def facts(workload: "Workload", partitions: int) -> dict[str, Any]:
    """The machine as it is now, and the input."""
    from pipeline.dev.bench import machine  # noqa: PLC0415

    return {
        "machine": machine.facts(own_broker=not _is_given_broker()),
        "input": {**asdict(workload), "partitions": partitions},
    }


def tell_machine(machine: dict[str, Any]) -> None:
    """Print what of it bears on figures."""
    typer.echo(
        f"{machine['cores']} cores, {machine['memory_gib']} GiB, {machine['processor']}; "
        f"Python {machine['python']}, Kafka {machine['kafka']}, {machine['java'] or ''}; "
        f"load at the start {machine['load_1m_at_start']:.1f}"
    )
