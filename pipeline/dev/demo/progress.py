"""How far a demo is: what is told, and plain lines of it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.text import Text

LINE_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class Figures:
    """How far the events have got.

    ``planned`` is about how many records will be sent; ``bands`` counts the scored people.
    """

    planned: int = 0
    sent: int = 0
    applied: int = 0
    per_second: float = 0.0
    lag: int = 0
    scored: int = 0
    thin_file: int = 0
    dead_letters: int = 0
    shown: int = 0
    bands: Mapping[str, int] = field(default_factory=dict)

    def in_words(self) -> str:
        """One line for a log."""
        return (
            f"{self.applied:,} of {self.sent:,} sent events applied, {self.per_second:,.0f}/s, "
            f"lag {self.lag:,}, {self.scored:,} people scored, {self.thin_file:,} thin files, "
            f"{self.dead_letters:,} dead letters, {self.shown:,} shown to partners"
        )


class Progress(Protocol):
    """Where the demo tells how far it is."""

    def __enter__(self) -> Self:
        """Begin to show."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Show no more; what was shown stays."""

    def close(self) -> None:
        """Show no more, before the context ends."""

    def begin(self, what: str) -> None:
        """A step begins."""

    def end(self, what: str) -> None:
        """The step has ended; ``what`` tells what came of it."""

    def show(self, figures: Figures) -> None:
        """Show the figures of now."""


class Lines:
    """Plain lines, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()
        self._step_began = self._began
        self._shown = self._began

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Nothing to do: lines stay as they are."""

    def begin(self, what: str) -> None:
        """Print what begins."""
        self._step_began = time.monotonic()
        self._print(f"{what} ...")

    def end(self, what: str) -> None:
        """Print what came of it."""
        self._print(f"{what} ({time.monotonic() - self._step_began:.1f} s)")

    def show(self, figures: Figures) -> None:
        """Print the figures, but not too often."""
        now = time.monotonic()
        if now - self._shown >= LINE_EVERY_S:
            self._shown = now
            self._print(figures.in_words())

    def _print(self, text: str) -> None:
        seconds = time.monotonic() - self._began
        line = Text(f"{seconds:5.1f} s  {text}")
        self._console.print(line, soft_wrap=True, highlight=False)
