"""Latencies as a table and two plots."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

from pipeline.dev.bench.plot import Axis, lines

BY_LOAD, AT_TENTH = "latency-by-load.svg", "latency-at-10-percent.svg"
_PLOTTED_SHARE = 0.10
_TOLD = ("p50", "p99", "p99.9", "max")
_US_A_MS = 1_000


def figures(result: dict[str, Any]) -> str:
    """The table, with what it is of, and the plots."""
    given, summaries = result["input"], result["summaries"]
    return "\n".join(
        [
            (
                f"Latency in ms from an event's intended send to its readable score (rounds: "
                f"{summaries[0]['runs']}); {given['people']:,} people, {given['partitions']} "
                f"partitions, seed {given['seed']}:"
            ),
            "",
            (
                "| system | load, of its top rate | events/s | p50 | p99 | p99.9 | max | probes | "
                "p99 by round | cores |"
            ),
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
            *_rows(summaries),
            "",
            *_sender_bound(result["tops"]),
            f"![99th percentile by load](performance/{BY_LOAD})",
            "",
            f"![Share of probes that took longer, at 10 %](performance/{AT_TENTH})",
            "",
        ]
    )


def plots(result: dict[str, Any]) -> dict[str, str]:
    """The SVG files by name."""
    by_load: dict[str, list[tuple[float, float]]] = {}
    for each in result["summaries"]:
        for name in ("p50", "p99") if _is_sustained(each) else ():
            series = by_load.setdefault(f"{each['system']} {name}", [])
            series.append((each["events_per_second"], each[name]))
    rate, took = Axis("events/s", log=True), Axis("ms", log=True)
    title = "From intended send to readable score"
    files = {BY_LOAD: lines(title, rate, took, by_load)} if by_load else {}
    tails = {
        system: _tail([load for load in _at_tenth(result) if load["system"] == system])
        for system in dict.fromkeys(load["system"] for load in _at_tenth(result))
    }
    if tails:
        share = Axis("share of probes that took longer", log=True)
        files[AT_TENTH] = lines("Tails at 10 % of the top rate", took, share, tails)
    return files


def _at_tenth(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        load
        for load in result["loads"]
        if load["share"] == _PLOTTED_SHARE and load["not_sustained"] is None
    ]


def _tail(loads: Sequence[dict[str, Any]]) -> list[tuple[float, float]]:
    """Milliseconds and the share of samples above, of all rounds; two points a decade."""
    bins = sorted(tuple(pair) for load in loads for pair in load["histogram_us"])
    total = sum(count for _, count in bins)
    reached = list(accumulate(count for _, count in bins))
    points = []
    for share in (0.9, 0.5, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001):
        if share * total >= 1:
            place = next(i for i, n in enumerate(reached) if n >= (1 - share) * total)
            points.append((bins[place][0] / _US_A_MS, share))
    return points


def _is_sustained(summary: dict[str, Any]) -> bool:
    """Whether every round of a load was."""
    return bool(summary["sustained"] == summary["runs"])


def _sender_bound(tops: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Which top rates may be the sender's own."""
    rounds = Counter(top["system"] for top in tops)
    for system, bound in Counter(top["system"] for top in tops if top["sender_bound"]).items():
        yield (
            f"`{system}`: in {bound} of {rounds[system]} rounds less than a commit's worth of "
            "events waited at the broker while the top rate was measured. It may be the sender's."
        )
        yield ""


def _rows(summaries: Sequence[dict[str, Any]]) -> Iterator[str]:
    for each in summaries:
        cells = (
            f"`{each['system']}`",
            f"{100 * each['share']:g} %",
            f"{each['events_per_second']:,.0f}",
            *_latencies(each),
            f"{each['cores']:.2f}",
        )
        yield "| " + " | ".join(cells) + " |"


def _latencies(summary: dict[str, Any]) -> tuple[str, ...]:
    if not _is_sustained(summary):
        failed, runs = summary["runs"] - summary["sustained"], summary["runs"]
        return (f"not sustained in {failed} of {runs} rounds", *[""] * (len(_TOLD) + 1))
    return (
        *(f"{summary[name]:,.1f}" for name in _TOLD),
        f"{summary['samples']:,}",
        ", ".join(f"{value:,.1f}" for value in summary["p99_by_run"]),
    )
