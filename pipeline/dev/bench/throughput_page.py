"""The throughput table of docs/performance.md: ours beside the copy and every peer."""

from collections.abc import Iterable, Iterator
from typing import Any

from pipeline.dev.bench.arithmetic import OURS, Run, summarise
from pipeline.dev.bench.jvm import HEAP, ON_JVM
from pipeline.dev.bench.peers.plot import svg

PLOT = "peers.svg"
"""The picture of the peers, beside their raw result."""
_COLUMNS = (
    "system",
    "timed events",
    "events/s",
    "lowest to highest",
    "cores used",
    "events/s of a core's time",
    "peak MB",
    "records out an event",
)


def plots(result: dict[str, Any]) -> dict[str, str]:
    """The picture of the peers, by file name."""
    return {PLOT: svg(result["summaries"])}


def peers(result: dict[str, Any]) -> str:
    """Every peer, and what the comparison rests on."""
    given, people = result["input"], result["few"]["people"]
    few = [f"`{name}`" for name, share in result["shares"].items() if share == "few"]
    same = [
        f"`{name}` {checked['people']:,} people ({checked['scored']:,} with a score)"
        for name, checked in result["checked"].items()
    ]
    lines = [
        (
            f"Throughput (medians, rounds: {result['summaries'][0]['runs']}, in turn); about "
            f"{given['events']:,} events of {given['people']:,} people in {given['partitions']} "
            f"partitions, seed {given['seed']}. The same mix of {people:,} people: "
            f"{', '.join(few) or 'none'}."
        ),
        "",
        *_table(result),
        "",
        *_heap(result["versions"]),
        f"![Events per second by system](performance/{PLOT})",
        "",
        *(f"- `{name}`: {told}" for name, told in result["versions"].items()),
        *(f"- `{name}` was left out: {why}" for name, why in result["left_out"].items()),
        "",
        f"Scores equal to ours in the first round: {', '.join(same) or 'none compared'}.",
        "",
    ]
    return "\n".join(lines)


def _heap(systems: Iterable[str]) -> list[str]:
    """What peak memory means for systems on the JVM, if any is among them."""
    named = " and ".join(f"`{name}`" for name in systems if name in ON_JVM)
    return [f"Peak memory of {named} is mostly the heap, fixed at {HEAP}.", ""] if named else []


def _table(result: dict[str, Any]) -> Iterator[str]:
    """A row for each system; the last columns are ours over it, with one worker and with more."""
    several, published = result.get("several"), result["published"]
    ours = {OURS: result["ratios"]}
    if several:
        ours[several["system"]] = several["ratios"]
    runs = [Run(**run) for run in result["runs"]]
    events = {run.system: run.events for run in runs}
    yield row([*_COLUMNS, *(f"`{name}` over it" for name in ours)])
    yield row(["---", *["---:"] * (len(_COLUMNS) - 1 + len(ours))])
    for each in summarise(runs):
        ratios = (over.get(each.system) for over in ours.values())
        yield row(
            [
                f"`{each.system}`",
                f"{events[each.system]:,}",
                f"{each.events_per_second:,.0f}",
                f"{each.lowest:,.0f} to {each.highest:,.0f}",
                f"{each.cores:.2f}",
                f"{each.events_per_cpu_second:,.0f}",
                f"{each.peak_rss_mb:,.0f}",
                f"{published[each.system]:.3f}",
                *("" if ratio is None else f"{ratio:.2f}" for ratio in ratios),
            ]
        )


def row(cells: Iterable[str]) -> str:
    """A row of a table."""
    return f"| {' | '.join(cells)} |"
