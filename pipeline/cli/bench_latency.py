"""``sesame bench --latency``: from an event to the score that it changes."""

from collections.abc import Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import typer

from pipeline.cli.bench_outcome import Outcome
from pipeline.cli.output import print_table
from pipeline.errors import SesameError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.dev.bench.latency.contenders import Contender
    from pipeline.dev.bench.latency.found import Found
    from pipeline.dev.bench.systems import Bench
    from pipeline.dev.bench.workload import Workload

_PROBERS = 2_000
_TOP_S = 9.0


def choose(names: Collection[str]) -> list["Contender"]:
    """The contenders of these names, all without any.

    Raises:
        RefusedError: A name is unknown.
    """
    from pipeline.dev.bench.latency import contenders  # noqa: PLC0415 - help stays quick

    return contenders.choose(names)


def measure(
    prepared: "Bench",
    chosen: Sequence["Contender"],
    workload: "Workload",
    live: int,
    level_s: float,
    runs: int,
) -> Outcome:
    """Measure those that can run here, in turn.

    Raises:
        SesameError: None can, or a system ended or stood still.
    """
    from pipeline.dev.bench import page  # noqa: PLC0415
    from pipeline.dev.bench.latency import contenders  # noqa: PLC0415
    from pipeline.dev.bench.latency.measure import Plan, measure  # noqa: PLC0415

    able, left_out = contenders.able_to_run(prepared, chosen)
    if not able:
        raise SesameError("; ".join(f"{name}: {why}" for name, why in left_out.items()))
    found = measure(prepared, Plan(workload, able, live, _PROBERS, level_s, _TOP_S, runs))
    found.left_out.update(left_out)
    return Outcome(found.as_json(), page.LATENCY, partial(tell, found))


def tell(found: "Found") -> None:
    """Print each system's percentiles at each load."""
    summaries = found.as_json()["summaries"]
    rows = [
        (
            each["system"],
            f"{each['share']:.0%}",
            f"{each['events_per_second']:,.0f}",
            *_percentiles(each),
            f"{each['cores']:.2f}",
        )
        for each in summaries
    ]
    columns = ("System", "Load", "Events/s", "p50 ms", "p99", "p99.9", "Max", "Probes", "Cores")
    print_table(columns, rows, f"From intended send to readable, rounds: {summaries[0]['runs']}")
    for top in found.tops:
        if top.sender_bound:
            typer.echo(f"{top.system}, round {top.run}: the top rate may be the sender's")
    for name, why in found.left_out.items():
        typer.echo(f"{name} was left out: {why}")


def _percentiles(summary: "Mapping[str, Any]") -> tuple[str, ...]:
    if summary["sustained"] < summary["runs"]:
        return (f"not sustained in {summary['runs'] - summary['sustained']}", "", "", "", "")
    percentiles = (f"{summary[name]:,.1f}" for name in ("p50", "p99", "p99.9", "max"))
    return (*percentiles, f"{summary['samples']:,}")
