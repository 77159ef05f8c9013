"""The figures of docs/performance.md, from the raw results beside it.

`python -m pipeline.dev.bench.page` writes them between their markers; a test fails on drift.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.dev.bench.peers.plot import svg

COMPARISON, RECOVERY, PARTNERS = "comparison.json", "recovery.json", "partners.json"
PEERS = "peers.json"
"""The names of raw results."""
PLOT = "peers.svg"
"""The picture of the peers, beside their raw result."""
_DOCS = Path(__file__).parents[3] / "docs"
_MARKED = re.compile(r"(<!-- figures -->\n).*?(<!-- end of figures -->)", re.DOTALL)
_COLUMNS = (
    "| system | events | events/s | lowest to highest | CPU us an event | peak MB | ours over it |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
)
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


def plot(folder: Path) -> str | None:
    """The picture of the peers' raw result, None without one."""
    kept = folder / PEERS
    return svg(json.loads(kept.read_text())["summaries"]) if kept.is_file() else None


def _peers(result: dict[str, Any]) -> str:
    given, people = result["input"], result["few"]["people"]
    few = [f"`{name}`" for name, share in result["shares"].items() if share == "few"]
    same = [
        f"`{name}` {checked['people']:,} people ({checked['scored']:,} with a score)"
        for name, checked in result["checked"].items()
    ]
    lines = [
        (
            f"Every peer (medians, rounds: {result['summaries'][0]['runs']}, in turn); about "
            f"{given['events']:,} events of {given['people']:,} people in {given['partitions']} "
            f"partitions, seed {given['seed']}. The same mix of {people:,} people: "
            f"{', '.join(few) or 'none'}."
        ),
        "",
        *_COLUMNS,
        *_rows(result),
        "",
        f"![Events per second by system](performance/{PLOT})",
        "",
        *(f"- `{name}`: {told}" for name, told in result["versions"].items()),
        *(f"- `{name}` was left out: {why}" for name, why in result["left_out"].items()),
        "",
        f"Scores equal to ours in the first round: {', '.join(same) or 'none compared'}.",
        "",
        _machine(result["machine"]),
        "",
    ]
    return "\n".join(lines)


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
            *_COLUMNS,
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
    rows = (
        ("people", f"{found['people']:,}"),
        ("changelog records", f"{found['changelog_records']:,}"),
        ("changelog MB", f"{found['changelog_bytes'] / 1e6:,.0f}"),
        ("seconds from start of the process to ready", f"{found['full']['seconds']:.1f}"),
        ("of which a worker without people takes", f"{found['empty']['seconds']:.1f}"),
        ("people a second, start-up included", f"{found['people_per_second']:,.0f}"),
        ("peak memory, MB", f"{found['full']['peak_rss_mb']:,.0f}"),
        ("memory that a million people add, MB", f"{found['rss_mb_per_million']:,.0f}"),
    )
    lines = ["Recovery:", "", "| | |", "| --- | ---: |", *(f"| {a} | {b} |" for a, b in rows)]
    return "\n".join([*lines, "", _machine(result["machine"]), ""])


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


_RENDERED = {PEERS: _peers, COMPARISON: _comparison, RECOVERY: _recovery, PARTNERS: _partners}


def main() -> None:
    """Bring the page up to date."""
    page = _DOCS / "performance.md"
    folder = _DOCS / "performance"
    page.write_text(refreshed(page.read_text(), folder))
    if (drawn := plot(folder)) is not None:
        (folder / PLOT).write_text(drawn)


if __name__ == "__main__":
    main()
