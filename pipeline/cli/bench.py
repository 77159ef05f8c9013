"""``sesame bench``: throughput beside other ways of doing it, restores, partners' decisions."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli import (
    bench_latency,
    bench_partners,
    bench_peers,
    bench_recovery,
    bench_scale,
)
from pipeline.cli.bench_outcome import Outcome, facts, prepared, tell_machine
from pipeline.cli.bench_peers import FEW_EVENTS
from pipeline.cli.output import Json, print_json

if TYPE_CHECKING:
    from pipeline.dev.bench.systems import Bench

_CHOOSING = ("--peers", "--latency")

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
        typer.Option(
            metavar="NAME",
            help="With --peers a system to run beside ours, with --latency one to run alone; "
            "repeatable.",
        ),
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

    kind = _the_one(
        {
            "--peers": peers,
            "--recovery": recovery,
            "--partners": partners,
            "--latency": latency,
            "--scale": scale,
        }
    )
    if only and kind not in _CHOOSING:
        raise typer.BadParameter(f"--only chooses among the systems of {' or '.join(_CHOOSING)}")
    names, workload = only or [], Workload(people, events, seed)
    measure: Callable[[Bench], Outcome]
    match kind:
        case "--partners":
            measure = partial(bench_partners.measure, workload=workload, grants=grants,
                              decisions=decisions, runs=runs)  # fmt: skip
        case "--latency":
            measure = partial(bench_latency.measure, chosen=bench_latency.choose(names),
                              workload=workload, live=live, level_s=level, runs=runs)  # fmt: skip
        case "--scale":
            largest = bench_scale.Largest(workers_max, people_max, partitions_max)
            measure = partial(bench_scale.measure, workload=workload, largest=largest, runs=runs)
        case "--recovery":
            measure = partial(bench_recovery.measure, workload=workload, restored=restored)
        case _:
            chosen = bench_peers.choose(names if peers else bench_peers.USUAL, partitions)
            measure = partial(bench_peers.measure, chosen=chosen, whole=workload,
                              peer_events=peer_events, runs=runs)  # fmt: skip
    with prepared(partitions, show=not as_json) as ready:
        given = facts(workload, partitions)
        outcome = measure(ready)
    given["input"] |= outcome.given
    result = outcome.result | given
    if save is not None:
        page.save(result, outcome.name, save)
    if as_json:
        print_json(result)
    else:
        outcome.tell()
        tell_machine(given["machine"])


def _the_one(asked: Mapping[str, bool]) -> str:
    """The option that was given; nothing where none was."""
    names = [name for name, on in asked.items() if on]
    if len(names) > 1:
        raise typer.BadParameter(f"{' and '.join(names)} are {len(names)} measurements; choose one")
    return "".join(names)
