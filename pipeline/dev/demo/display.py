"""How far a demo is, in a terminal: steps, bars and figures, redrawn in place."""

import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TextIO

from rich.box import SIMPLE
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from pipeline.dev.demo.bands import COLOURS, name_of, shares
from pipeline.dev.demo.progress import Figures, Lines, Progress

_REFRESHES_A_SECOND = 8
_BAR_WIDTH = 50
_SPARKS = "▁▂▃▄▅▆▇█"
_NAME_WIDTH = 10
_CELL_WIDTH = 10


def progress_on(stream: TextIO) -> Progress:
    """A display where the stream is a terminal, else plain lines."""
    console = Console(file=stream)
    return Display(console) if console.is_terminal else Lines(console)


@dataclass(slots=True)
class _Step:
    text: str
    began: float
    seconds: float | None = None


@dataclass(slots=True)
class _State:
    steps: list[_Step] = field(default_factory=list)
    figures: Figures | None = None
    rates: list[float] = field(default_factory=list)


class Display:
    """Steps, bars and figures, redrawn in place."""

    def __init__(self, console: Console) -> None:
        self._state = _State()
        self._spinner = Spinner("dots", style="cyan")
        self._live = Live(
            get_renderable=self._render,
            console=console,
            refresh_per_second=_REFRESHES_A_SECOND,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        self._live.start(refresh=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave what is shown standing and redraw no more."""
        self._live.stop()

    def begin(self, what: str) -> None:
        """Show a step as under way."""
        self._state.steps.append(_Step(what, time.monotonic()))

    def end(self, what: str) -> None:
        """Show the step as done."""
        last = self._state.steps[-1]
        last.text, last.seconds = what, time.monotonic() - last.began

    def show(self, figures: Figures) -> None:
        """Show the figures from now on."""
        self._state.figures = figures
        if figures.lag:
            self._state.rates = [*self._state.rates, figures.per_second][-_BAR_WIDTH:]

    def _render(self) -> RenderableType:
        parts: list[RenderableType] = [self._steps()]
        if self._state.figures is not None:
            parts += [_bars(self._state.figures, self._state.rates), _table(self._state.figures)]
        return Group(*parts)

    def _steps(self) -> Table:
        table = Table.grid(padding=(0, 1))
        for each in self._state.steps:
            if each.seconds is None:
                seconds = time.monotonic() - each.began
                table.add_row(self._spinner, Text(each.text), Text(f"{seconds:.1f} s", "cyan"))
            else:
                done = Text(f"{each.seconds:.1f} s", "dim")
                table.add_row(Text("✓", "green"), Text(each.text), done)
        return table


def _bars(figures: Figures, rates: list[float]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(min_width=_NAME_WIDTH)
    table.add_column(width=_BAR_WIDTH)
    total = max(figures.planned, figures.sent, 1)
    for name, count, style in (
        ("  sent", figures.sent, "blue"),
        ("  applied", figures.applied, "green"),
    ):
        bar = ProgressBar(
            total, count, width=_BAR_WIDTH, complete_style=style, finished_style=style
        )
        table.add_row(name, bar, f"{count:,}")
    pace = Text(f"{figures.per_second:,.0f}", "bold magenta")
    table.add_row("  events/s", Text(sparkline(rates, _BAR_WIDTH), "magenta"), pace)
    counts = [figures.bands.get(band.name, 0) for band in COLOURS]
    if any(counts):
        table.add_row("  scores", _stacked(counts))
        table.add_row("", _legend(counts))
    return table


def _stacked(counts: list[int]) -> Text:
    widths = shares(counts, _BAR_WIDTH)
    return Text.assemble(
        *(("█" * width, colour) for width, colour in zip(widths, COLOURS.values(), strict=True))
    )


def _legend(counts: list[int]) -> Text:
    words = [
        (name_of(band), colour)
        for (band, colour), count in zip(COLOURS.items(), counts, strict=True)
        if count
    ]
    return Text("  ").join(Text(*each) for each in words)


def _table(figures: Figures) -> Table:
    table = Table(box=SIMPLE, padding=(0, 1))
    cells = {
        "lag": (figures.lag, "bold yellow" if figures.lag else "bold green"),
        "people scored": (figures.scored, "bold"),
        "thin files": (figures.thin_file, "bold"),
        "dead letters": (figures.dead_letters, "bold"),
        "seen by partners": (figures.shown, "bold"),
    }
    for name in cells:
        table.add_column(name, justify="right", min_width=max(len(name), _CELL_WIDTH))
    table.add_row(*(Text(f"{value:,}", style) for value, style in cells.values()))
    return table


def sparkline(values: list[float], width: int) -> str:
    """The newest values as bars of text, the largest one full.

    >>> sparkline([0, 1, 2, 4], 4)
    '▁▂▄█'
    """
    newest = values[-width:]
    top = max(newest, default=0.0) or 1.0
    steps = len(_SPARKS) - 1
    return "".join(_SPARKS[int(max(value, 0.0) / top * steps)] for value in newest)
