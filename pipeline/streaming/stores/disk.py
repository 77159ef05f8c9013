"""How a kind of store lies on disk."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from pipeline.streaming.stores.base import Store
from pipeline.streaming.stores.checkpoint import Checkpoint

Judge = Callable[[Checkpoint], str | None]
"""Says why a checkpoint is to be dropped; None: it is not."""
OnClosed = Callable[[], None]


def nobody() -> None:
    """Nobody is told."""


class Disk(Protocol):
    """Opens stores of one kind."""

    kind: str
    """In the folders' names: what another kind has left is not for this one to read."""

    def open(
        self, folder: Path, judge: Judge, beginning: Checkpoint, on_closed: OnClosed = nobody
    ) -> Store:
        """The store in a folder, or an empty one if it has none that the judge lets pass.

        Args:
            folder: Made when it is missing.
            judge: Asked about the checkpoint that is there.
            beginning: What an empty store goes on from.
            on_closed: Called once nothing of the folder is in use any more, by any thread.

        Raises:
            StoreError: The folder cannot be used; the message names it.
        """
