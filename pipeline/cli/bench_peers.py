"""``sesame bench``, and with ``--peers``: what to run, and how its result is told."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import typer

from pipeline import settings
from pipeline.cli.bench_outcome import Outcome
from pipeline.cli.output import print_table

if TYPE_CHECKING:
    from pipeline.dev.bench.peers.compare import Peers
    from pipeline.dev.bench.peers.registry import System
    from pipeline.dev.bench.systems import Bench
    from pipeline.dev.bench.workload import Workload

FEW_EVENTS = 60_000
"""Enough for the slow systems to run for some 10 seconds and more, and as long to warm up."""
USUAL = ("faust", "copy")
"""What is measured beside ours where nothing is chosen."""


def choose(names: Sequence[str], partitions: int) -> list["System"]:
    """The systems of these names, all without any, on so many partitions.

    Raises:
        RefusedError: A name is unknown.
    """
    from pipeline.dev.bench.peers import registry  # noqa: PLC0415 - help stays quick

    return registry.choose(registry.known(settings.load(partitions=partitions)), names)


def measure(
    prepared: "Bench", chosen: Sequence["System"], whole: "Workload", peer_events: int, runs: int
) -> Outcome:
    """The comparison; slow systems get so many events, of as many fewer people."""
    from pipeline.dev.bench import page  # noqa: PLC0415 - help stays quick
    from pipeline.dev.bench.peers.compare import Plan, compare  # noqa: PLC0415

    few = whole.scaled(min(peer_events, whole.events))
    found = compare(prepared, Plan(chosen, whole, few, runs))
    return Outcome(found.as_json(), page.PEERS, partial(tell, found))


def tell(found: "Peers") -> None:
    """One table, and what it rests on."""
    from pipeline.dev.bench.arithmetic import OURS  # noqa: PLC0415 - help stays quick

    events = {run.system: run.events for run in found.runs}
    several = found.several
    ours = {OURS: found.ratios} | ({several.system: several.ratios} if several else {})
    rows = [
        (
            each.system,
            found.versions[each.system],
            f"{events[each.system]:,}",
            f"{each.events_per_second:,.0f}",
            f"{each.lowest:,.0f} to {each.highest:,.0f}",
            f"{each.cores:.2f}",
            f"{each.events_per_cpu_second:,.0f}",
            f"{each.peak_rss_mb:,.0f}",
            f"{found.published[each.system]:.3f}",
            *(f"{over[each.system]:.2f}" if each.system in over else "" for over in ours.values()),
        )
        for each in found.summaries
    ]
    columns = (
        "System",
        "Version",
        "Timed",
        "Events/s",
        "Spread",
        "Cores",
        "Events/CPU s",
        "Peak MB",
        "Out/event",
        *(f"{name} over it" for name in ours),
    )
    print_table(columns, rows, f"Medians, rounds: {found.summaries[0].runs}")
    few = [name for name, share in found.shares.items() if share == "few"]
    if few:
        typer.echo(f"The same mix of {found.few.people:,} people: {', '.join(few)}.")
    for name, checked in found.checked.items():
        typer.echo(
            f"{name} gave the same scores for all {checked.people:,} people compared, "
            f"{checked.scored:,} of them with a score."
        )
    for name, why in found.left_out.items():
        typer.echo(f"{name} was left out: {why}")
