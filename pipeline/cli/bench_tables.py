"""Tables that several measurements of ``sesame bench`` share."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pipeline.cli.output import print_table

if TYPE_CHECKING:
    from pipeline.dev.bench.arithmetic import Summary


def print_summaries(
    summaries: Sequence["Summary"], ratios: Mapping[str, float], last_column: str
) -> None:
    """Print a row for each system, with its ratio to ours in the last column."""
    rows = [
        (
            each.system,
            f"{each.events_per_second:,.0f}",
            f"{each.lowest:,.0f} to {each.highest:,.0f}",
            f"{each.cpu_us_per_event:,.1f}",
            f"{each.peak_rss_mb:,.0f}",
            f"{ratios[each.system]:.2f}" if each.system in ratios else "",
        )
        for each in summaries
    ]
    columns = ("System", "Events/s", "Spread", "CPU us/event", "Peak MB", last_column)
    print_table(columns, rows, f"Medians, rounds: {summaries[0].runs}")
