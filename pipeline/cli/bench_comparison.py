"""``sesame bench``: throughput beside a per-event Faust agent and a copy."""

from typing import TYPE_CHECKING

import typer

from pipeline.cli.bench_tables import print_summaries

if TYPE_CHECKING:
    from pipeline.dev.bench.compare import Comparison
    from pipeline.dev.bench.systems import Bench
    from pipeline.dev.bench.workload import Workload

PEER_EVENTS = 20_000
"""For the per-event peer."""


def measure(
    prepared: "Bench", workload: "Workload", peer_events: int | None, runs: int
) -> "Comparison":
    """Measure them in turn."""
    from pipeline.dev.bench.compare import Plan, compare  # noqa: PLC0415

    return compare(prepared, Plan(workload, workload.scaled(peer_events or PEER_EVENTS), runs))


def tell(comparison: "Comparison") -> None:
    """Print the table, and what was held against ours."""
    print_summaries(comparison.summaries, comparison.ratios, "Ours over it")
    checked = comparison.checked
    typer.echo(
        f"The per-event peer gave the same scores for all {checked.people:,} people "
        f"compared, {checked.scored:,} of them with a score."
    )
