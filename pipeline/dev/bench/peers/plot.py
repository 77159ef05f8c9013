"""The comparison as a picture: a bar for each system's median rate, its spread as a line."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.dev.bench.arithmetic import OURS
from pipeline.dev.bench.plot import frame, text

_WIDTH, _ROW, _BAR = 720, 34, 18
_LEFT, _RIGHT, _TOP = 120, 110, 44
_OURS, _OTHERS = "#1a7f5a", "#8a94a6"
_SPREAD = "#495057"
_TITLE = "Events per second by system, medians; lines from lowest to highest"


def svg(summaries: Sequence[Mapping[str, Any]]) -> str:
    """A bar chart of events per second, from nought, the quickest at the top."""
    ordered = sorted(summaries, key=lambda each: -each["events_per_second"])
    scale = (_WIDTH - _LEFT - _RIGHT) / max(each["highest"] for each in ordered)
    height = _TOP + _ROW * len(ordered) + 10
    bars = [_bar(each, _TOP + _ROW * place, scale) for place, each in enumerate(ordered)]
    return frame(_WIDTH, height, _LEFT, _TITLE, bars)


def _bar(each: Mapping[str, Any], top: int, scale: float) -> str:
    name, rate = each["system"], each["events_per_second"]
    low, high = _LEFT + scale * each["lowest"], _LEFT + scale * each["highest"]
    middle = top + _BAR // 2
    colour = _OURS if name.partition("-")[0] == OURS else _OTHERS
    return (
        text(_LEFT - 10, middle + 4, name, anchor="end")
        + f'<rect x="{_LEFT}" y="{top}" width="{scale * rate:.1f}" height="{_BAR}" '
        f'fill="{colour}"/>'
        f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}" stroke="{_SPREAD}"/>'
        + text(high + 8, middle + 4, f"{rate:,.0f}")
    )
