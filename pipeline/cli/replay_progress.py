"""How far a replay or an archive is: a bar on a terminal, nothing elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)


class ReplayBar:
    """One bar for each partition."""

    def __init__(self, progress: Progress) -> None:
        """Show on a progress that is being shown."""
        self._progress = progress
        self._task: TaskID | None = None

    def begin(self, partition: int, records: int) -> None:
        """A partition begins, which has about so many records to fold."""
        self._task = self._progress.add_task(f"partition {partition}", total=records)

    def advance(self, records: int) -> None:
        """So many more are folded."""
        if self._task is not None:
            self._progress.advance(self._task, records)


@contextmanager
def bar(stream: TextIO) -> Iterator[ReplayBar]:
    """A bar for each partition of a replay."""
    with _progress(stream) as progress:
        yield ReplayBar(progress)


@contextmanager
def counting(what: str, stream: TextIO) -> Iterator[Callable[[int, int], None]]:
    """One bar; told how many more are done, and how many more there are to do."""
    with _progress(stream) as progress:
        task = progress.add_task(what, total=0)

        def tell(done: int, to_do: int) -> None:
            progress.update(task, advance=done, total=(progress.tasks[0].total or 0) + to_do)

        yield tell


def _progress(stream: TextIO) -> Progress:
    console = Console(file=stream)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
