"""The people of a partition in RocksDB, those in use in memory.

    gather ──► cache ◄── scatter, put, remove         everything is done to the cache
                 ▲ │ keep: what has changed, the checkpoint with it, in one write
                 │ ▼
              Database

What is written at once is all that the changelog says before the checkpoint's offset, and maybe
some of what follows, which is read again after a restart and changes nothing.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import structlog
from numpy.typing import NDArray

from pipeline.factors.state import BatchState
from pipeline.streaming.position import Position
from pipeline.streaming.store import PartitionStore
from pipeline.streaming.stores import rows
from pipeline.streaming.stores.checkpoint import Checkpoint, StoreError
from pipeline.streaming.stores.database import Database
from pipeline.streaming.stores.disk import OnClosed, nobody
from pipeline.streaming.stores.marked import MarkedPeople
from pipeline.streaming.stores.removed import Removed

log = structlog.get_logger(__name__)

_PERSON_BYTES = 256
"""Of a person in the cache beside the rows: names, the index, what is noted."""


class RocksStore:
    """A `Store` that is larger than memory."""

    def __init__(
        self,
        database: Database,
        checkpoint: Checkpoint,
        people_max: int,
        every_s: float,
        on_closed: OnClosed = nobody,
    ) -> None:
        """Take over a database.

        Args:
            database: What the checkpoint says, or empty with one at offset 0.
            checkpoint: As `read_checkpoint` gave it.
            people_max: People to keep in memory between two batches.
            every_s: Seconds between two flushes.
            on_closed: Called once the database is closed.
        """
        self._database = database
        self._on_closed = on_closed
        self._people_max = people_max
        self._every_s = every_s
        self._cache = PartitionStore()
        self._stored: dict[str, int] = {}
        """People looked up whom the database has, and the end it notes for each."""
        self._absent: set[str] = set()
        """People looked up whom it has not."""
        self._dirty: dict[str, None] = {}
        """People who are not as the database has them; they are looked up, all of them."""
        self._count = checkpoint.people
        self._reached = checkpoint
        self._flushed_at, self._is_flushed = time.monotonic(), True
        self._removed = Removed(database, is_known=not checkpoint.unpurged)
        self.checkpoint: Checkpoint | None = checkpoint if checkpoint.offset else None
        self.outdated = MarkedPeople(database, rows.OUTDATED, checkpoint.outdated)

    def __len__(self) -> int:
        """The number of people."""
        return self._count

    def __contains__(self, user: str) -> bool:
        """Whether the person has a row."""
        self._load([user])
        return user in self._cache

    @property
    def nbytes(self) -> int:
        """Bytes of memory, the shared cache's blocks aside."""
        known = len(self._stored) + len(self._absent)
        return self._cache.nbytes + known * _PERSON_BYTES + self._database.nbytes

    def gather(self, users: Sequence[str]) -> BatchState:
        """Copy the people's state out; people without a row get zeros."""
        self._load(users)
        return self._cache.gather(users)

    def scatter(self, state: BatchState, selection: Iterable[int]) -> None:
        """Write the selected people of a batch back."""
        selection = list(selection)
        with self._changing([state.users[i] for i in selection]):
            self._cache.scatter(state, selection)

    def put_row(self, users: Sequence[str], rows: NDArray[np.void]) -> None:
        """Set factor rows, as a changelog gives them; the last of a repeated person wins."""
        with self._changing(users):
            self._cache.put_row(users, rows)

    def put_ledger(self, users: Sequence[str], ledgers: NDArray[np.void]) -> None:
        """Set ledger rows, as a changelog gives them."""
        with self._changing(users):
            self._cache.put_ledger(users, ledgers)

    def put_people(
        self, users: Sequence[str], rows: NDArray[np.void], ledgers: NDArray[np.void]
    ) -> None:
        """Set both rows of the same people, as a changelog gives them."""
        with self._changing(users):
            self._cache.put_people(users, rows, ledgers)

    def put_contracts(self, user: str, packed: bytes) -> None:
        """Set a person's packed contracts."""
        with self._changing([user]):
            self._cache.put_contracts(user, packed)

    def put_links(self, user: str, packed: bytes) -> None:
        """Set a person's packed links."""
        with self._changing([user]):
            self._cache.put_links(user, packed)

    def put_many_contracts(self, users: Sequence[str], packed: Sequence[bytes]) -> None:
        """Set many people's packed contracts."""
        with self._changing(users):
            self._cache.put_many_contracts(users, packed)

    def put_many_links(self, users: Sequence[str], packed: Sequence[bytes]) -> None:
        """Set many people's packed links."""
        with self._changing(users):
            self._cache.put_many_links(users, packed)

    def remove(self, user: str) -> None:
        """Forget a person."""
        if user in self:
            with self._changing([user]):
                self._cache.remove(user)
            self.outdated.discard(user)
            if user in self._stored:
                self._removed.add(rows.key_of(user))

    def chunks(self, people_max: int) -> Iterator[list[str]]:
        """Everyone, in lists of at most ``people_max``; people may change between two."""
        first = [user for user in self._dirty if user in self._cache]
        for start in range(0, len(first), people_max):
            yield first[start : start + people_max]
        told, after = set(first), b""
        while page := self._database.page(rows.PERSON, after, people_max):
            after = page[-1][0]
            users = [key[1:].decode() for key, _ in page]
            if self._is_full and not self._dirty:
                self._clear()
            self._take_in(users, [value for _, value in page])
            if people := [user for user in users if user in self._cache and user not in told]:
                yield people

    def expired(self, now_ms: int) -> list[str]:
        """People with a consent that ends by ``now_ms``."""
        found = [user for user in self._cache.expired(now_ms) if user in self._dirty]
        for end_ms, user in self._ends():
            if end_ms > now_ms:
                break
            if user not in self._dirty:
                found.append(user)
        return found

    def next_expiry_ms(self) -> int:
        """The earliest end of a consent anybody gave; 0: none has an end."""
        stored = next((end for end, user in self._ends() if user not in self._dirty), 0)
        in_use = self._cache.next_expiry_ms()
        return min(stored, in_use) if stored and in_use else stored or in_use

    def keep(self, position: Position | None, offset: int, at_ms: int) -> None:
        """Take note of a checkpoint, and write it where there is too much in memory."""
        self._reached = replace(self._reached, position=position, offset=offset, at_ms=at_ms)
        self._is_flushed = False
        if self._is_full:
            self._write()
            self._clear()

    def due_in_s(self) -> float | None:
        """Seconds until there is something to flush or to purge; None: there is nothing."""
        purge_in_s = self._removed.due_in_s
        if self._is_flushed:
            return purge_in_s
        flush_in_s = max(0.0, self._flushed_at + self._every_s - time.monotonic())
        return flush_in_s if purge_in_s is None else min(flush_in_s, purge_in_s)

    def tend(self) -> None:
        """Have what is kept in files, and what was removed out of them."""
        self._write()
        self._database.flush()
        self._flushed_at, self._is_flushed = time.monotonic(), True
        if self._removed.due_in_s == 0.0:
            self._removed.purge()

    def close(self, *, save: bool = True) -> None:
        """Write what has changed if asked to, and let go of the database; what fails is told."""
        try:
            if save and self._reached.at_ms:  # or nothing was kept yet: of what, nobody could say
                self._write()
        except StoreError as error:
            log.warning("state not written", error=str(error))
        finally:
            self._removed.end()
            self._database.close()
            self._on_closed()

    def _load(self, users: Sequence[str]) -> None:
        """Have the cache know these people."""
        unknown = list(dict.fromkeys(u for u in users if not self._knows(u)))
        if not unknown:
            return
        # Sorted, neighbours are read from one block.
        unknown.sort()
        values = self._database.get([rows.key_of(user) for user in unknown])
        found = [i for i, value in enumerate(values) if value is not None]
        self._absent.update(user for user, v in zip(unknown, values, strict=True) if v is None)
        self._take_in([unknown[i] for i in found], [values[i] or b"" for i in found])

    def _knows(self, user: str) -> bool:
        return user in self._stored or user in self._absent

    def _take_in(self, users: list[str], values: list[bytes]) -> None:
        """Have the cache know people as the database has them, but for those it knows."""
        new = [i for i, user in enumerate(users) if user not in self._stored]
        if new:
            state = rows.decode([users[i] for i in new], [values[i] for i in new])
            self._cache.scatter(state, range(len(new)))
            self._stored.update(zip(state.users, rows.ends_of(state.ledgers), strict=True))

    @property
    def _is_full(self) -> bool:
        return len(self._stored) + len(self._absent) >= self._people_max

    def _clear(self) -> None:
        """Let go of all people; nothing of them may be unwritten."""
        self._cache = PartitionStore()
        self._stored, self._absent = {}, set()

    @contextmanager
    def _changing(self, users: Sequence[str]) -> Iterator[None]:
        """Change these people in the cache."""
        self._load(users)
        before = len(self._cache)
        yield
        self._count += len(self._cache) - before
        self._dirty.update(dict.fromkeys(users))

    def _ends(self) -> Iterator[tuple[int, str]]:
        """Ends of consents as the database notes them, earliest first."""
        return (rows.parsed_end(key) for key, _ in self._database.scan(rows.ENDS))

    def _write(self) -> None:
        """Bring the database to what the cache holds, and to the checkpoint."""
        puts, deletes = self.outdated.changes()
        present = [user for user in self._dirty if user in self._cache]
        state = self._cache.gather(present)
        puts += zip(map(rows.key_of, present), rows.encode(state), strict=True)
        ends = dict(zip(present, rows.ends_of(state.ledgers), strict=True))
        for user in self._dirty:
            former, end = self._stored.get(user), ends.get(user)
            if former and former != end:
                deletes.append(rows.end_key(former, user))
            if end and former != end:
                puts.append((rows.end_key(end, user), b""))
            if end is None and former is not None:
                deletes.append(rows.key_of(user))
        reached = replace(
            self._reached,
            people=self._count,
            outdated=len(self.outdated),
            unpurged=self._removed.is_unpurged,
        )
        puts.append((rows.CHECKPOINT, reached.encode()))
        self._database.write(puts, deletes)
        # Noted only now: what a failed write did not bring is brought by the next one.
        self._reached = reached
        self._note_written(ends)

    def _note_written(self, ends: Mapping[str, int]) -> None:
        """Take note that the database has all that was changed, and these ends of it."""
        self.outdated.written()
        left = self._dirty.keys() - ends.keys()
        for user in left:
            self._stored.pop(user, None)
        self._absent |= left
        self._absent -= ends.keys()
        self._stored.update(ends)
        self._dirty = {}
