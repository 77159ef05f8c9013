"""The comparison as a picture: a bar for each system's median rate, its spread as a line."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from pipeline.dev.bench.arithmetic import OURS

_WIDTH, _ROW, _BAR = 720, 34, 18
_LEFT, _RIGHT, _TOP = 120, 110, 44
_OURS, _OTHERS = "#1a7f5a", "#8a94a6"
_STYLE = (
    "text{font:13px sans-serif;fill:#24292f}.title{font-weight:600}"
    ".range{stroke:#24292f;stroke-width:1.5}"
)
_GROUND = '<rect width="100%" height="100%" fill="#ffffff"/>'


def svg(summaries: Sequence[Mapping[str, Any]]) -> str:
    """A bar chart of events per second, from nought, the quickest at the top."""
    ordered = sorted(summaries, key=lambda each: -each["events_per_second"])
    scale = (_WIDTH - _LEFT - _RIGHT) / max(each["highest"] for each in ordered)
    height = _TOP + _ROW * len(ordered) + 10
    bars = [_bar(each, _TOP + _ROW * place, scale) for place, each in enumerate(ordered)]
    return "\n".join(
        [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
                f'width="{_WIDTH}" height="{height}" role="img">'
            ),
            "<title>Events per second by system, medians; lines from lowest to highest</title>",
            f"<style>{_STYLE}</style>",
            _GROUND,
            f'<text class="title" x="{_LEFT}" y="24">Events per second, median and spread</text>',
            *bars,
            "</svg>",
            "",
        ]
    )


def _bar(each: Mapping[str, Any], top: int, scale: float) -> str:
    name, rate = each["system"], each["events_per_second"]
    low, high = _LEFT + scale * each["lowest"], _LEFT + scale * each["highest"]
    middle = top + _BAR // 2
    colour = _OURS if name == OURS else _OTHERS
    return (
        f'<text x="{_LEFT - 10}" y="{middle + 4}" text-anchor="end">{escape(name)}</text>'
        f'<rect x="{_LEFT}" y="{top}" width="{scale * rate:.1f}" height="{_BAR}" fill="{colour}"/>'
        f'<line class="range" x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}"/>'
        f'<text x="{high + 8:.1f}" y="{middle + 4}">{rate:,.0f}</text>'
    )
