"""The throughput table of docs/performance.md: ours beside the copy and every peer."""

from collections.abc import Iterable, Iterator
from typing import Any

from pipeline.dev.bench.jvm import HEAP, ON_JVM
from pipeline.dev.bench.peers.plot import svg

PLOT = "peers.svg"
"""The picture of the peers, beside their raw result."""
_COLUMNS = (
    (
        "| system | timed events | events/s | lowest to highest | CPU us an event | peak MB | "
        "records out an event | ours over it |"
    ),
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
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
        *_COLUMNS,
        *rows(result),
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


def rows(result: dict[str, Any]) -> Iterator[str]:
    """A row for each system; with what it published an event, where that is told."""
    published = result.get("published")
    events = {run["system"]: run["events"] for run in result["runs"]}
    for each in result["summaries"]:
        name = each["system"]
        ratio = result["ratios"].get(name)
        cells = (
            f"`{name}`",
            f"{events[name]:,}",
            f"{each['events_per_second']:,.0f}",
            f"{each['lowest']:,.0f} to {each['highest']:,.0f}",
            f"{each['cpu_us_per_event']:,.1f}",
            f"{each['peak_rss_mb']:,.0f}",
            *((f"{published[name]:.3f}",) if published else ()),
            "" if ratio is None else f"{ratio:.2f}",
        )
        yield "| " + " | ".join(cells) + " |"
