"""``sesame bench``: throughput beside other ways of doing it, restores, partners' decisions."""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline import settings
from pipeline.cli import (
    bench_latency,
    bench_partners,
    bench_peers,
    bench_recovery,
    bench_scale,
)
from pipeline.cli.bench_peers import FEW_EVENTS
from pipeline.cli.output import Json, print_json

if TYPE_CHECKING:
    from pipeline.dev.bench.systems import Bench
    from pipeline.dev.bench.workload import Workload

app = typer.Typer()


@app.command()
def bench(
    *,
    events: Annotated[
        int, typer.Option(min=1_000, help="About so many events, half of them to warm up.")
    ] = 1_000_000,
    people: Annotated[int, typer.Option(min=1, help="People they are of.")] = 10_000,
    peer_events: Annotated[
        int,
        typer.Option(
            min=100,
            help="About so many events for per-event peers.",
        ),
    ] = FEW_EVENTS,
    runs: Annotated[int, typer.Option(min=1, max=100, help="Rounds of runs.")] = 3,
    partitions: Annotated[int, typer.Option(min=1, max=256, help="Partitions.")] = 8,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same events.")] = 1,
    peers: Annotated[
        bool, typer.Option("--peers", help="Measure every peer; first `make bench-install`.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="With --peers, a system to run beside ours; repeatable."),
    ] = None,
    recovery: Annotated[
        bool, typer.Option("--recovery", help="Measure a restore instead.")
    ] = False,
    restored: Annotated[
        int, typer.Option(min=1_000, help="People to restore, with --recovery.")
    ] = 1_000_000,
    partners: Annotated[
        bool, typer.Option("--partners", help="Measure the gateway and a partner instead.")
    ] = False,
    grants: Annotated[
        int, typer.Option(min=100, help="People with a grant for each partner, with --partners.")
    ] = 100_000,
    decisions: Annotated[
        int, typer.Option(min=1, help="Decisions to time in each round, with --partners.")
    ] = 5_000,
    latency: Annotated[
        bool, typer.Option("--latency", help="Measure from event to readable score instead.")
    ] = False,
    live: Annotated[
        int, typer.Option(min=1_000, help="Events at hand for the loads, with --latency.")
    ] = 4_000_000,
    scale: Annotated[
        bool, typer.Option("--scale", help="Measure how cost grows with size instead.")
    ] = False,
    people_max: Annotated[
        int, typer.Option(min=1_000, max=100_000_000, help="Most people, with --scale.")
    ] = 1_000_000,
    partitions_max: Annotated[
        int, typer.Option(min=1, max=256, help="Most partitions, with --scale.")
    ] = 64,
    workers_max: Annotated[
        int, typer.Option(min=1, max=64, help="Most workers, with --scale.")
    ] = 4,
    level: Annotated[
        float, typer.Option(min=1, max=3_600, help="Seconds of each load, with --latency.")
    ] = 10,
    save: Annotated[
        Path | None, typer.Option(help="A folder to keep the raw result in.", file_okay=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure this pipeline beside a per-event Faust agent and a copy without any work.

    Or, with --peers, beside every other stream processor that can run here, with the same
    scoring on a store of its own; or, with --recovery, how long a restore takes; or, with
    --partners, how fast the gateway follows and how soon a partner decides; or, with --latency,
    how long it takes from an event to the score it changes, under open-loop load; or, with
    --scale, what more workers, people, partitions and uneven keys cost.

    Kafka is the one SESAME_BOOTSTRAP names; without it, one is started for the occasion.
    Nothing else should run on the machine meanwhile.
    """
    from pipeline.dev.bench import page  # noqa: PLC0415 - help stays quick
    from pipeline.dev.bench.workload import Workload  # noqa: PLC0415

    _refuse_two(
        {
            "--peers": peers,
            "--recovery": recovery,
            "--partners": partners,
            "--latency": latency,
            "--scale": scale,
        }
    )
    if only and not peers:
        raise typer.BadParameter("--only chooses among the systems of --peers")
    systems = bench_peers.choose(only or ([] if peers else bench_peers.USUAL))
    workload = Workload(people, events, seed)
    with _bench(partitions, show=not as_json) as prepared:
        facts = _facts(workload, partitions)
        if partners:
            facts["input"]["grants"] = grants
            measured = bench_partners.measure(prepared, workload, grants, decisions, runs)
            result = measured.as_json() | facts
            name, tell = page.PARTNERS, partial(bench_partners.tell, measured)
        elif latency:
            delays = bench_latency.measure(prepared, workload, live, level, runs)
            result = delays.as_json() | facts
            name, tell = page.LATENCY, partial(bench_latency.tell, delays)
        elif scale:
            largest = bench_scale.Largest(workers_max, people_max, partitions_max)
            grown = bench_scale.measure(prepared, workload, largest, runs)
            result = grown.as_json() | facts
            name, tell = page.SCALE, partial(bench_scale.tell, grown)
        elif recovery:
            found = bench_recovery.measure(prepared, workload, restored)
            result = {"recovery": bench_recovery.figures(found)} | facts
            name, tell = page.RECOVERY, partial(bench_recovery.tell, found)
        else:
            few = workload.scaled(min(peer_events, events))
            compared = bench_peers.measure(prepared, systems, workload, few, runs)
            result = compared.as_json() | facts
            name, tell = page.PEERS, partial(bench_peers.tell, compared)
    if save is not None:
        page.save(result, name, save)
    if as_json:
        print_json(result)
    else:
        tell()
        _tell_machine(facts["machine"])


def _refuse_two(asked: Mapping[str, bool]) -> None:
    names = [name for name, on in asked.items() if on]
    if len(names) > 1:
        raise typer.BadParameter(f"{' and '.join(names)} are {len(names)} measurements; choose one")


@contextmanager
def _bench(partitions: int, *, show: bool) -> Iterator["Bench"]:
    from pipeline.dev.bench.systems import Bench  # noqa: PLC0415
    from pipeline.dev.broker import EmbeddedBroker  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="sesame-bench-") as folder, _status(show) as say:
        if _is_given_broker():
            yield Bench(settings.load(partitions=partitions), Path(folder), say)
            return
        say("starting Kafka")
        with EmbeddedBroker() as broker:
            current = settings.load(bootstrap=broker.bootstrap, partitions=partitions)
            yield Bench(current, Path(folder), say)


@contextmanager
def _status(show: bool) -> Iterator[Callable[[str], None]]:  # noqa: FBT001 - says it all
    from rich.console import Console  # noqa: PLC0415

    console = Console(stderr=True, quiet=not show)
    with console.status("") as status:
        yield status.update


def _is_given_broker() -> bool:
    return bool(os.environ.get(settings.variable("bootstrap")))


def _facts(workload: "Workload", partitions: int) -> dict[str, Any]:
    from pipeline.dev.bench.machine import facts  # noqa: PLC0415

    return {
        "machine": facts(own_broker=not _is_given_broker()),
        "input": {**asdict(workload), "partitions": partitions},
    }


def _tell_machine(machine: dict[str, Any]) -> None:
    typer.echo(
        f"{machine['cores']} cores, {machine['memory_gib']} GiB, {machine['processor']}; "
        f"Python {machine['python']}, Kafka {machine['kafka']}, {machine['java'] or ''}; "
        f"load at the start {machine['load_1m_at_start']:.1f}"
    )
