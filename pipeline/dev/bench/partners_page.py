"""The partners' table of docs/performance.md."""

from collections.abc import Iterator
from typing import Any

from pipeline.dev.bench.throughput_page import row


def figures(result: dict[str, Any]) -> str:
    """Rates of the gateway, and how soon a partner decides."""
    given = result["input"]
    n = result["summaries"][0]["runs"]
    asked, decided = result["decision_ms"], result["decide_us"]
    return "\n".join(
        [
            (
                f"Partners (medians, rounds: {n}); {given['grants']:,} people with a grant for "
                f"each of two partners, and the pipeline on about {given['events']:,} events of "
                f"{given['people']:,} people; {given['partitions']} partitions, seed "
                f"{given['seed']}:"
            ),
            "",
            (
                "| system | records | records/s | lowest to highest | CPU us a record | peak MB | "
                "over the pipeline's |"
            ),
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
            *_rows(result),
            "",
            (
                f"In its run the pipeline published {result['scores_published_per_second']:,.0f} "
                f"score records a second; the gateway followed {result['over_published']:.1f} "
                f"times as many, and wrote {result['partner_records_per_second']:,.0f} partner "
                f"records a second, one for each grant: {result['ratios']['partner-records']:.2f} "
                f"of the pipeline's events. All {result['partner_records']:,} of a round were as "
                "the contract has them."
            ),
            "",
            ("| decision | median | 99 % | slowest | timed |\n| --- | ---: | ---: | ---: | ---: |"),
            _latency("`POST /rentals`, ms", asked, 2),
            _latency("`decide` in process, us", decided, 1),
            "",
        ]
    )


def _rows(result: dict[str, Any]) -> Iterator[str]:
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
            "" if ratio is None else f"{ratio:.2f}",
        )
        yield row(cells)


def _latency(name: str, found: dict[str, Any], digits: int) -> str:
    figures = (f"{found[key]:,.{digits}f}" for key in ("p50", "p99", "max"))
    return f"| {name} | {' | '.join(figures)} | {found['n']:,} |"
