"""docs/sizing.md, from the raw figures of `--scale` and what `sizing` assumes.

Written with the other pages by ``python -m pipeline.dev.bench.page``; a test fails on drift.
"""

import ast
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import fields
from itertools import pairwise
from typing import Any

from pipeline.dev.bench.scale.measured import Measured
from pipeline.dev.bench.sizing import SIZES, Assumed, Line, lines

_NONE = "No run of `sesame bench --scale` is recorded in `docs/performance/` yet.\n"
_HEAD = """# Sizing

How many brokers, partitions and workers, how much memory and network. All of it is computed, by
[`pipeline/dev/bench/sizing.py`](../pipeline/dev/bench/sizing.py), from what
`sesame bench --scale` and `--latency` measured ([performance](performance.md), raw in
[its folder](performance)) and what is assumed below; change either and
`python -m pipeline.dev.bench.page` writes this page anew.
"""
_CORES = (
    "Worker cores come from the fewer events a core's time is enough for: those of a backlog, in "
    "which nearly each event is of another person, or those of half load by `--latency`, whose "
    "batches are small."
)
_NO_LIVE = (
    "Worker cores come from a backlog, as no run of `--latency` is recorded: its batches are "
    "large, and a live load costs more an event."
)
_DISK = (
    "Bytes are of keys and values before compression, without what Kafka adds to a record. Topics "
    "are kept for as long as [the contract](contract.md) says. Consents, dead letters and what the "
    "gateway writes come on top."
)


def page(scale: Mapping[str, Any] | None, latency: Mapping[str, Any] | None = None) -> str:
    """The whole page; ``scale`` is None where nothing was measured yet."""
    if scale is None:
        return f"{_HEAD}\n{_NONE}"
    measured, assumed = Measured.of(scale, latency), Assumed()
    parts = [_HEAD, *_measured(measured, scale["machine"]), *_assumed(assumed)]
    for people in SIZES:
        parts += [f"## {people:,} people", "", *_table(list(lines(people, measured, assumed)))]
    return "\n".join(parts)


def _measured(m: Measured, machine: Mapping[str, Any]) -> list[str]:
    told = (
        ("events/s of a core's time, on a backlog", m.backlog_events),
        ("events/s of a core's time, live at half load", m.live_events),
        ("bytes of an event", m.input_bytes),
        ("bytes written for an event", m.output_bytes),
        ("of these to `score-changes`", m.change_bytes),
        ("of these to `peer-signals`", m.signal_bytes),
        ("bytes of a record of `scores`", m.score_bytes),
        ("bytes written for a transaction to the journal", m.journal_bytes),
        ("bytes written for a transaction to the changelog", m.position_bytes),
        ("bytes of memory a person", m.person_bytes),
        ("bytes of memory that each person more adds", m.each_more_bytes),
        ("bytes of state a person in the changelog", m.state_bytes),
        ("memory of a worker without people, MB", m.empty_bytes / 1e6),
        ("memory that a worker's work adds at its peak, MB", m.work_bytes / 1e6),
    )
    return [
        "## Measured",
        "",
        (
            f"Of {m.people:,} people, {machine['measured_at'][:10]}, on {machine['cores']} "
            f"cores of {machine['processor']}; load average {machine['load_1m_at_start']:.1f} "
            "when it began."
        ),
        "",
        "| | |",
        "| --- | ---: |",
        *(f"| {name} | {value:,.0f} |" for name, value in told if value is not None),
        "",
        _NO_LIVE if m.live_events is None else _CORES,
        "",
        _DISK,
        "",
    ]


def _assumed(assumed: Assumed) -> list[str]:
    why = _reasons()
    rows = [
        f"| `{field.name}` | {_number(getattr(assumed, field.name))} | {why.get(field.name, '')} |"
        for field in fields(assumed)
    ]
    source = inspect.getdoc(Assumed) or ""
    return ["## Assumed", "", source, "", "| | | |", "| --- | ---: | --- |", *rows, ""]


def _reasons() -> dict[str, str]:
    """What stands behind each assumption in the source."""
    body = ast.parse(inspect.getsource(Assumed)).body[0]
    found = {}
    for one, after in pairwise(body.body if isinstance(body, ast.ClassDef) else ()):
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
            text = after.value if isinstance(after, ast.Expr) else None
            if isinstance(text, ast.Constant):
                found[one.target.id] = " ".join(str(text.value).split())
    return found


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,g}"


def _table(some: list[Line]) -> Iterator[str]:
    yield "| | | how |"
    yield "| --- | ---: | --- |"
    for line in some:
        digits = 0 if line.value >= 10 or line.value == round(line.value) else 2  # noqa: PLR2004
        unit = f" {line.unit}" if line.unit else ""
        yield f"| {line.name} | {line.value:,.{digits}f}{unit} | `{line.arithmetic}` |"
    yield ""
