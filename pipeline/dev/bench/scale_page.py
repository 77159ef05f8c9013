"""How cost grows, as a table and a plot for each dimension."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pipeline.dev.bench.plot import Axis, lines

Row = Mapping[str, Any]


class Dimension(NamedTuple):
    """What is varied, and its plot."""

    name: str
    axis: Axis
    file: str
    title: str


DIMENSIONS = (
    Dimension(
        "workers", Axis("workers"), "scale-workers.svg", "Throughput and work a core, by workers"
    ),
    Dimension("people", Axis("people", log=True), "scale-people.svg", "Throughput by people held"),
    Dimension("partitions", Axis("partitions"), "scale-partitions.svg", "Throughput by partitions"),
    Dimension(
        "skew", Axis("exponent of Zipf's law"), "scale-skew.svg", "Throughput by skew of keys"
    ),
)
RATE, WORK = "events/s", "events/s of a core's time"


def figures(result: Row) -> str:
    """The tables and the plots."""
    given = result["input"]
    parts = [
        (
            f"Scale (medians, rounds: {result['summaries'][0]['runs']}); "
            f"{result['runs'][0]['events']:,} events of each cell, seed {given['seed']}; a worker "
            f"without people takes {_empty(result)}:"
        ),
        "",
        (
            "| workers | people | partitions | Zipf exponent | events/s | lowest to highest | "
            "events/s of a core's time | bytes a person | bytes each more adds |"
        ),
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *_rows(result),
        "",
    ]
    for each in DIMENSIONS:
        parts += [f"![{each.title}](performance/{each.file})", ""]
    return "\n".join(parts)


def plots(result: Row) -> dict[str, str]:
    """The SVG files by name."""
    files = {}
    for each in DIMENSIONS:
        some = along(result, each.name)
        series = {
            RATE: [(row[each.name], row["events_per_second"]) for row in some],
            WORK: [(row[each.name], row["events_per_cpu_second"]) for row in some],
        }
        files[each.file] = lines(each.title, each.axis, Axis("events/s"), series)
    return files


def along(result: Row, name: str) -> list[Row]:
    """The cells that differ from the middle in one dimension at most, by its value.

    The first cell is the middle.
    """
    middle = result["summaries"][0]
    others = [each.name for each in DIMENSIONS if each.name != name]
    some = [
        row for row in result["summaries"] if all(row[other] == middle[other] for other in others)
    ]
    return sorted(some, key=lambda row: float(row[name]))


def _empty(result: Row) -> str:
    """What was taken from the memory of each cell, by number of partitions."""
    return ", ".join(
        f"{mb:,.0f} MB with {number} partition{'' if number == '1' else 's'}"
        for number, mb in result["empty_rss_mb"].items()
    )


def _rows(result: Row) -> Iterator[str]:
    for each in result["summaries"]:
        cells = (
            f"{each['workers']:,}",
            f"{each['people']:,}",
            f"{each['partitions']:,}",
            f"{each['skew']:g}",
            f"{each['events_per_second']:,.0f}",
            f"{each['lowest']:,.0f} to {each['highest']:,.0f}",
            f"{each['events_per_cpu_second']:,.0f}",
            f"{each['bytes_a_person']:,.0f}",
            "" if each["bytes_each_more"] is None else f"{each['bytes_each_more']:,.0f}",
        )
        yield "| " + " | ".join(cells) + " |"
