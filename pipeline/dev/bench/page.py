"""The figures of docs/performance.md, from the raw results beside it.

`python -m pipeline.dev.bench.page` writes them between their markers; a test fails on drift.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.dev.bench import latency_page, scale_page, sizing_page

COMPARISON, RECOVERY, PARTNERS = "comparison.json", "recovery.json", "partners.json"
LATENCY, SCALE = "latency.json", "scale.json"
"""The names of raw results."""
_DOCS = Path(__file__).parents[3] / "docs"
_MARKED = re.compile(r"(<!-- figures -->\n).*?(<!-- end of figures -->)", re.DOTALL)
_NONE = "No run is recorded in `docs/performance/` yet.\n"


def save(result: dict[str, Any], name: str, folder: Path) -> None:
    """Keep a raw result."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(result, indent=2) + "\n")


def refreshed(text: str, folder: Path) -> str:
    """The page with the figures of the raw results in ``folder``."""
    return _MARKED.sub(lambda found: found[1] + figures(folder) + found[2], text)


def figures(folder: Path) -> str:
    """What the raw results say; results that are not there are left out."""
    parts = [
        render(json.loads((folder / name).read_text()))
        for name, render in _RENDERED.items()
        if (folder / name).is_file()
    ]
    return "\n".join(parts) or _NONE


def _comparison(result: dict[str, Any]) -> str:
    given, checked = result["input"], result["checked"]
    runs = result["summaries"][0]["runs"]
    return "\n".join(
        [
            (
                f"Throughput (medians, rounds: {runs}); about {given['events']:,} events of "
                f"{given['people']:,} people in {given['partitions']} partitions, seed "
                f"{given['seed']}:"
            ),
            "",
            (
                "| system | events | events/s | lowest to highest | CPU us an event | peak MB | "
                "ours over it |"
            ),
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
            *_rows(result),
            "",
            (
                f"The per-event peer gave the same scores as ours for all {checked['people']:,} "
                f"people compared, {checked['scored']:,} of them with a score."
            ),
            "",
            _machine(result["machine"]),
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
        yield "| " + " | ".join(cells) + " |"


def _recovery(result: dict[str, Any]) -> str:
    found = result["recovery"]
    rows = [
        ("people", f"{found['people']:,}"),
        ("changelog records", f"{found['changelog_records']:,}"),
        ("changelog MB", f"{found['changelog_bytes'] / 1e6:,.0f}"),
        ("seconds from start of the process to ready", f"{found['full']['seconds']:.1f}"),
        ("of which a worker without people takes", f"{found['empty']['seconds']:.1f}"),
        ("people a second, start-up included", f"{found['people_per_second']:,.0f}"),
        *_take_over(found.get("take_over")),
        ("peak memory, MB", f"{found['full']['peak_rss_mb']:,.0f}"),
        ("memory that a million people add, MB", f"{found['rss_mb_per_million']:,.0f}"),
    ]
    if again := found.get("again"):
        rows.append(("seconds to ready from checkpoints on disk", f"{again['seconds']:.1f}"))
    lines = ["Recovery:", "", "| | |", "| --- | ---: |", *(f"| {a} | {b} |" for a, b in rows)]
    return "\n".join([*lines, "", _machine(result["machine"]), ""])


def _take_over(found: dict[str, Any] | None) -> list[tuple[str, str]]:
    if found is None:
        return []
    return [
        (
            "seconds from kill -9 of one of two workers to the other being ready, warm",
            f"{found['seconds']:.1f}",
        ),
        ("of which the session time-out is at most", f"{found['session_timeout_s']:.1f}"),
        ("people taken over", f"{found['people']:,}"),
        ("changelog records read for them", f"{found['records_read']:,}"),
    ]


def _partners(result: dict[str, Any]) -> str:
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
            _machine(result["machine"]),
            "",
        ]
    )


def _latency(name: str, found: dict[str, Any], digits: int) -> str:
    figures = (f"{found[key]:,.{digits}f}" for key in ("p50", "p99", "max"))
    return f"| {name} | {' | '.join(figures)} | {found['n']:,} |"


def _machine(machine: dict[str, Any]) -> str:
    java = f", {machine['java']}" if machine["java"] else ""
    return (
        f"Measured {machine['measured_at'][:10]} on {machine['cores']} cores of "
        f"{machine['processor']} with {machine['memory_gib']} GiB, Python {machine['python']}, "
        f"Kafka {machine['kafka']}{java}; load average {machine['load_1m_at_start']:.1f} when it "
        "began."
    )


def _latencies(result: dict[str, Any]) -> str:
    return "\n".join([latency_page.figures(result), _machine(result["machine"]), ""])


def _scale(result: dict[str, Any]) -> str:
    return "\n".join([scale_page.figures(result), _machine(result["machine"]), ""])


_RENDERED = {
    COMPARISON: _comparison,
    RECOVERY: _recovery,
    PARTNERS: _partners,
    LATENCY: _latencies,
    SCALE: _scale,
}
_PLOTTED = {LATENCY: latency_page.plots, SCALE: scale_page.plots}
"""SVG files by name, of a raw result."""


def plots(folder: Path) -> dict[str, str]:
    """The plots of the raw results in ``folder``, by file name."""
    return {
        file: svg
        for name, draw in _PLOTTED.items()
        if (folder / name).is_file()
        for file, svg in draw(json.loads((folder / name).read_text())).items()
    }


def sizing(folder: Path) -> str:
    """The page that says how much so many people need."""
    kept = folder / SCALE
    return sizing_page.page(json.loads(kept.read_text()) if kept.is_file() else None)


def main() -> None:
    """Bring the pages and the plots up to date."""
    page, folder = _DOCS / "performance.md", _DOCS / "performance"
    for file, svg in plots(folder).items():
        (folder / file).write_text(svg)
    page.write_text(refreshed(page.read_text(), folder))
    (_DOCS / "sizing.md").write_text(sizing(folder))


if __name__ == "__main__":
    main()
