"""What lanes ask of a store, wherever it keeps its people."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.factors.state import BatchState
from pipeline.streaming.position import Position
from pipeline.streaming.stores.checkpoint import Changelog, Checkpoint


class PeopleSet(Protocol):
    """A set of people that need not be in memory."""

    def __len__(self) -> int:
        """How many."""

    def __iter__(self) -> Iterator[str]:
        """Each of them; nobody may come or go meanwhile."""

    def add(self, user: str, /) -> None:
        """Take somebody in."""

    def update(self, users: Iterable[str], /) -> None:
        """Take people in."""

    def difference_update(self, users: Iterable[str], /) -> None:
        """Leave people out."""


class Store(Protocol):
    """People's rows of one partition; see `PartitionStore` for what each method does.

    What is told to it is committed already. ``checkpoint`` is what it was opened at; None: it
    was empty.
    """

    @property
    def checkpoint(self) -> Checkpoint | None:
        """How far in the changelog it was when it was opened."""

    @property
    def outdated(self) -> PeopleSet:
        """People of whom the changelog holds something in a former layout."""

    @property
    def nbytes(self) -> int:
        """Bytes of memory its people take."""

    def __len__(self) -> int:
        """The number of people."""

    def __contains__(self, user: str, /) -> bool:
        """Whether the person has a row."""

    def gather(self, users: Sequence[str]) -> BatchState:
        """Copy the people's state out; people without a row get zeros."""

    def scatter(self, state: BatchState, selection: Iterable[int]) -> None:
        """Write the selected people of a batch back."""

    def put_row(self, users: Sequence[str], rows: NDArray[np.void]) -> None:
        """Set factor rows."""

    def put_ledger(self, users: Sequence[str], ledgers: NDArray[np.void]) -> None:
        """Set ledger rows."""

    def put_people(
        self, users: Sequence[str], rows: NDArray[np.void], ledgers: NDArray[np.void]
    ) -> None:
        """Set both rows of the same people."""

    def put_contracts(self, user: str, packed: bytes) -> None:
        """Set a person's packed contracts."""

    def put_links(self, user: str, packed: bytes) -> None:
        """Set a person's packed links."""

    def put_many_contracts(self, users: Sequence[str], packed: Sequence[bytes]) -> None:
        """Set many people's packed contracts."""

    def put_many_links(self, users: Sequence[str], packed: Sequence[bytes]) -> None:
        """Set many people's packed links."""

    def remove(self, user: str) -> None:
        """Forget a person."""

    def chunks(self, people_max: int) -> Iterator[list[str]]:
        """Everyone, in lists of at most ``people_max``; people may change between two."""

    def expired(self, now_ms: int) -> list[str]:
        """People with a consent that ends by ``now_ms``."""

    def next_expiry_ms(self) -> int:
        """The earliest end of a consent anybody gave; 0: none has an end."""

    def keep(self, position: Position | None, offset: int, at_ms: int) -> None:
        """Take note that all so far is what the changelog says before an offset.

        Args:
            position: The newest before it; None: none was read yet.
            offset: Everything before it is in the store; what follows may be too.
            at_ms: When the changelog was last at its end, or else began to be read from its
                beginning: tombstones not met yet are kept for a while from then on.
        """

    def due_in_s(self) -> float | None:
        """Seconds until there is something to write or to clear away; None: there is nothing."""

    def tend(self) -> None:
        """Do what is due.

        Raises:
            StoreError: The disk is full or fails.
        """

    def close(self, *, save: bool = True) -> None:
        """Let go of everything; nothing is asked of it any more. It may take a while.

        Args:
            save: Have on disk all it holds; False: what is there already will do.
        """


class Stores(Protocol):
    """Makes the stores of a worker's partitions."""

    async def open(self, changelog: Changelog, known: int = 0) -> Store:
        """The store of a changelog's partition, at its checkpoint if it has a fitting one.

        Args:
            changelog: As it is now that former owners are fenced.
            known: Up to where the changelog is in memory already: a checkpoint fits only if it
                has got further.

        Raises:
            StoreError: The folder cannot be used; the message names it.
        """

    async def tidy(self) -> None:
        """Delete what is left of partitions that are not owned any more, until cancelled.

        Raises:
            StoreError: The folder cannot be used; the message names it.
        """
