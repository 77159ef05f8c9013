"""Plots as SVG: plain text, equal figures give equal files, no library to draw them.

A frame for any, and plots of lines, whose axes may be logarithmic; light and dark pages show the
same colours.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

Points = Sequence[tuple[float, float]]
_WIDTH, _HEIGHT = 720, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 190, 40, 56
_COLOURS = ("#2a7ae2", "#d9480f", "#2b8a3e", "#9c36b5", "#e67700", "#0b7285", "#868e96", "#c2255c")
_INK = "#868e96"
"""Of words and axes: readable on light and on dark."""
_TICKS = 5


@dataclass(frozen=True, slots=True)
class Axis:
    """What an axis is called, and whether it is logarithmic."""

    title: str
    log: bool = False


@dataclass(frozen=True, slots=True)
class _Scale:
    low: float
    high: float
    log: bool
    start: float
    end: float

    @classmethod
    def over(cls, values: Sequence[float], axis: Axis, start: float, end: float) -> "_Scale":
        if axis.log:
            low, high = floor(log10(min(values))), ceil(log10(max(values)))
            return cls(low, max(high, low + 1), axis.log, start, end)
        step = _step(max(values))
        return cls(0, ceil(max(values) / step) * step, axis.log, start, end)

    def place(self, value: float) -> float:
        """Where a value lies, in pixels."""
        at = log10(value) if self.log else value
        return self.start + (at - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Values to mark."""
        if self.log:
            return [10.0**power for power in range(round(self.low), round(self.high) + 1)]
        step = _step(self.high)
        return [n * step for n in range(round(self.high / step) + 1)]


def lines(title: str, x: Axis, y: Axis, series: Mapping[str, Points]) -> str:
    """An SVG of each series' points joined by lines, named at the right.

    Raises:
        ValueError: There is no point, or one that a logarithmic axis cannot show.
    """
    points = [point for some in series.values() for point in some]
    across = _Scale.over([p[0] for p in points], x, _LEFT, _WIDTH - _RIGHT)
    up = _Scale.over([p[1] for p in points], y, _HEIGHT - _BOTTOM, _TOP)
    parts = [
        *_grid(across, up),
        text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 12, x.title, anchor="middle"),
        (
            f'<text transform="translate(18 {(_TOP + _HEIGHT - _BOTTOM) / 2:.0f}) rotate(-90)" '
            f'text-anchor="middle">{escape(y.title)}</text>'
        ),
    ]
    for number, (name, some) in enumerate(series.items()):
        parts += _line(number, name, [(across.place(a), up.place(b)) for a, b in some])
    return frame(_WIDTH, _HEIGHT, _LEFT, title, parts)


def frame(width: int, height: int, left: int, title: str, parts: Iterable[str]) -> str:
    """An SVG of parts under a title that begins at ``left``; lengths in pixels."""
    return "\n".join(
        [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
                f'font-family="sans-serif" font-size="12" fill="{_INK}" role="img">'
            ),
            f"<title>{escape(title)}</title>",
            text(left, 20, title, size=15),
            *parts,
            "</svg>",
            "",
        ]
    )


def _grid(across: _Scale, up: _Scale) -> Iterator[str]:
    for value in up.ticks():
        at = up.place(value)
        yield (
            f'<path d="M{across.start:.0f} {at:.1f}H{across.end:.0f}" stroke="{_INK}" '
            'stroke-opacity="0.25"/>'
        )
        yield text(across.start - 8, at + 4, _short(value), anchor="end")
    for value in across.ticks():
        at = across.place(value)
        yield f'<path d="M{at:.1f} {up.start:.0f}v5" stroke="{_INK}"/>'
        yield text(at, up.start + 20, _short(value), anchor="middle")


def _line(number: int, name: str, at: Points) -> Iterator[str]:
    colour = _COLOURS[number % len(_COLOURS)]
    path = "L".join(f"{a:.1f} {b:.1f}" for a, b in at)
    yield f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for a, b in at:
        yield f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{colour}"/>'
    down = _TOP + 10 + 18 * number
    yield f'<path d="M{_WIDTH - _RIGHT + 14} {down - 4}h16" stroke="{colour}" stroke-width="3"/>'
    yield text(_WIDTH - _RIGHT + 36, down, name)


def text(x: float, y: float, words: str, anchor: str = "start", size: int = 12) -> str:
    """Words at a place, in pixels from the left and the top."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">'
        f"{escape(words)}</text>"
    )


def _step(most: float) -> float:
    """A round distance that about five ticks are apart."""
    raw: float = (most or 1.0) / _TICKS
    power: float = 10.0 ** floor(log10(raw))
    return next(power * times for times in (1, 2, 5, 10) if power * times >= raw)


def _short(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
