"""docs/sizing.md, from the raw figures of `--scale` and what `sizing` assumes.

Written with the other pages by ``python -m pipeline.dev.bench.page``; a test fails on drift.
"""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from pipeline.dev.bench.sizing import SIZES, Assumed, Line, Measured, lines

_NONE = "No run of `sesame bench --scale` is recorded in `docs/performance/` yet.\n"
_HEAD = """# Sizing

How many brokers, partitions and workers, how much memory and network. All of it is computed, by
[`pipeline/dev/bench/sizing.py`](../pipeline/dev/bench/sizing.py), from what
`sesame bench --scale` measured ([performance](performance.md), raw in
[`scale.json`](performance/scale.json)) and what is assumed below; change either and
`python -m pipeline.dev.bench.page` writes this page anew.
"""


def page(result: Mapping[str, Any] | None) -> str:
    """The whole page; ``result`` is None where nothing was measured yet."""
    if result is None:
        return f"{_HEAD}\n{_NONE}"
    measured, assumed = Measured.of(result), Assumed()
    parts = [_HEAD, *_measured(measured, result), *_assumed(assumed)]
    for people in SIZES:
        parts += [f"## {people:,} people", "", *_table(list(lines(people, measured, assumed)))]
    return "\n".join(parts)


def _measured(measured: Measured, result: Mapping[str, Any]) -> list[str]:
    machine = result["machine"]
    told = (
        ("events/s of a core's time", f"{measured.events_per_cpu_second:,.0f}"),
        ("bytes of an event, key and value", f"{measured.input_bytes:,.0f}"),
        ("bytes written for an event, uncompressed", f"{measured.output_bytes:,.0f}"),
        ("of these to `score-changes`", f"{measured.change_bytes:,.0f}"),
        ("bytes of memory a person", f"{measured.person_bytes:,.0f}"),
        ("bytes of state a person in the changelog", f"{measured.state_bytes:,.0f}"),
        ("memory of a worker without people, MB", f"{measured.empty_bytes / 1e6:,.0f}"),
    )
    rows = [f"| {name} | {value} |" for name, value in told]
    return [
        "## Measured",
        "",
        (
            f"Of {measured.people:,} people, {machine['measured_at'][:10]}, on {machine['cores']} "
            f"cores of {machine['processor']}; load average {machine['load_1m_at_start']:.1f} "
            "when it began."
        ),
        "",
        "| | |",
        "| --- | ---: |",
        *rows,
        "",
    ]


def _assumed(assumed: Assumed) -> list[str]:
    rows = [
        f"| `{field.name}` | {getattr(assumed, field.name):,g} |"
        if getattr(assumed, field.name) < 10**6
        else f"| `{field.name}` | {getattr(assumed, field.name):,} |"
        for field in fields(assumed)
    ]
    source = inspect.getdoc(Assumed) or ""
    return ["## Assumed", "", source, "", "| | |", "| --- | ---: |", *rows, ""]


def _table(some: list[Line]) -> Iterator[str]:
    yield "| | | how |"
    yield "| --- | ---: | --- |"
    for line in some:
        digits = 0 if line.value >= 10 or line.value == round(line.value) else 2  # noqa: PLR2004
        unit = f" {line.unit}" if line.unit else ""
        yield f"| {line.name} | {line.value:,.{digits}f}{unit} | `{line.arithmetic}` |"
    yield ""
