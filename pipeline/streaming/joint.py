"""One producer for all lanes of a worker: what they write at the same time is one transaction.

Small transactions cost by their number: eight lanes with some records each ask the broker for eight
of them, and each has markers written. The joint one is fenced as the lanes' own are, by way of the
position, which names the only producer that may write the partition beside its owner's:

    the owner's producer writes a position that names the joint one   from then on both may write
    whoever takes the partition starts the owner's producer           none can be named any more
        ──► reads the position ──► starts the one that it names       it can commit nothing any more
        ──► reads on, and so until no other is named

A joint producer's id is never used again once somebody else may have started it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from uuid import uuid4

import structlog

from pipeline.access import joint_stem
from pipeline.settings import Settings
from pipeline.streaming import shared
from pipeline.streaming.flow import Send
from pipeline.streaming.position import Position
from pipeline.streaming.transaction import TransactionalWriter

log = structlog.get_logger(__name__)

CALM_S = 300.0
"""How long lanes go alone after a joint transaction has failed, as one of them may be why."""
PATIENCE_S = 0.05
"""How long those who have asked wait for one that is soon to."""
_RETRY_S = 5.0
_END_S = 1.0

Offsets = dict[tuple[str, int], int]
Write = Callable[[TransactionalWriter, Sequence[Send]], Awaitable[Offsets]]
"""Writes and commits by a writer; it may break off, and then stops it."""
Fence = Callable[[str], Awaitable[None]]
"""Sees to it that whoever writes with an id, without the prefix, can commit nothing any more."""


async def read_to_the_end(
    fence: Fence, named: Callable[[], str | None], read_on: Callable[[], Awaitable[None]]
) -> None:
    """Read a partition's state on until nobody can add anything to it.

    Args:
        fence: For each producer that a position names.
        named: The newest position's producer beside the owner's, which is fenced already.
        read_on: Reads what is there beyond that position.
    """
    done = set()
    while (who := named()) and who not in done:
        await fence(who)
        done.add(who)
        await read_on()


async def fence(settings: Settings, transactional_id: str) -> None:
    """See to it that whoever writes with an id can commit nothing any more.

    What had been decided is visible once this returns.

    Raises:
        KafkaError: No broker did it.
    """
    writer = TransactionalWriter(settings, transactional_id)
    try:
        await writer.start()
    finally:
        await writer.stop()


class JointWriter:
    """Writes what lanes ask for at the same time in one transaction, and one after the other."""

    def __init__(
        self,
        settings: Settings,
        group: str,
        calm_s: float = CALM_S,
        write: Write = TransactionalWriter.write,
    ) -> None:
        """Set up; there is no producer before ``renew``.

        Args:
            settings: Say where the topics are.
            group: The lanes'.
            calm_s: How long there is none after a failure.
            write: Writes one transaction.
        """
        self._write_all = write
        self._settings = settings
        self._group = group
        self._calm_s = calm_s
        self._writer: TransactionalWriter | None = None
        self._next: _Transaction | None = None
        self._writing = asyncio.Lock()
        self._starting: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._unfinished: set[asyncio.Task[Offsets]] = set()
        self._started: set[str] = set()
        self._fenced: dict[str, asyncio.Task[None]] = {}
        self._held = 0
        self._released = asyncio.Event()
        self._released.set()
        self.transactional_id = ""
        """Of the producer, for positions to name; empty while there is none."""

    def takes(self, position: Position) -> bool:
        """Whether something may be written to a partition whose committed position this is.

        Not while a transaction is under way: it may hang.
        """
        named = position.transactional_id
        return bool(named) and named == self.transactional_id and not self._writing.locked()

    async def write(self, sends: Iterable[Send]) -> Offsets:
        """Write and commit, with what others ask for until it begins.

        Only a lane that was told so by ``takes``, in this round of the event loop, may ask.

        Raises:
            FencedError: Somebody has taken a partition that one of the lanes owns or owned.
            KafkaError: It is not known whether it is committed.
        """
        if self._next is None:
            if self._writer is None:
                raise RuntimeError("nobody may write jointly: there is no producer")
            self._next = _Transaction(self._writer)
            # It begins in the next round, when all have asked that this one has woken.
            self._next.done = shared.begun(self._write(self._next))
            self._unfinished.add(self._next.done)
            self._next.done.add_done_callback(self._unfinished.discard)
        self._next.sends += sends
        return await shared.outcome(self._next.done)

    async def settled(self, patience_s: float = PATIENCE_S) -> None:
        """Wait for the transaction under way, but not for long: it may hang.

        Whoever waited is awake in the same round of the event loop as those whose it was, so that
        what all of them have by then goes together.
        """
        asked_for = {self._next.done} if self._next else set()
        if under_way := self._unfinished - asked_for:
            await asyncio.wait(under_way, timeout=patience_s)

    @contextmanager
    def held(self) -> Iterator[None]:
        """What others ask for begins after this, but for `PATIENCE_S` at most.

        For a lane that is soon to ask, too.
        """
        self._held += 1
        self._released.clear()
        try:
            yield
        finally:
            self._held -= 1
            if not self._held:
                self._released.set()

    def renew(self, after_s: float = 0.0) -> None:
        """Give the producer up, and have another one in so many seconds.

        To be called whenever partitions come or go: with them goes the right to start it anew.
        """
        self._give_up()
        self._starting = asyncio.create_task(self._start(after_s))

    async def close(self) -> None:
        """Give the producer up; the lanes have ended, and what is still under way hangs."""
        self._give_up()
        for task in await self._late(_END_S):
            task.cancel()
        await asyncio.gather(*self._ending, return_exceptions=True)

    async def fence(self, transactional_id: str) -> None:
        """See to it that an id's producer writes nothing any more, once and for all.

        Raises:
            KafkaError: No broker did it.
        """
        if transactional_id == self.transactional_id:
            # A lane restores for a reason of its own: the others are to notice nothing.
            self.renew()
        if transactional_id in self._started:
            await self._late()
        task = self._fenced.get(transactional_id)
        if task is None:
            task = shared.begun(fence(self._settings, transactional_id))
            self._fenced[transactional_id] = task
            task.add_done_callback(partial(self._forget_if_failed, transactional_id))
        await shared.outcome(task)

    def _forget_if_failed(self, transactional_id: str, task: "asyncio.Task[None]") -> None:
        if task.cancelled() or task.exception() is not None:
            del self._fenced[transactional_id]

    async def _write(self, transaction: "_Transaction") -> Offsets:
        if self._held:
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_S):
                    await self._released.wait()
        async with self._writing:
            if self._next is transaction:
                self._next = None
            try:
                return await self._write_all(transaction.writer, transaction.sends)
            except BaseException:
                # All that took part restore now; whose fault it was shows when each goes alone.
                if transaction.writer is self._writer:
                    self.renew(self._calm_s)
                raise

    async def _late(self, seconds: float | None = None) -> Collection[asyncio.Task[Offsets]]:
        """Wait for what is asked for or under way now, but not for long; what has not ended."""
        if not self._unfinished:
            return ()
        return (await asyncio.wait(set(self._unfinished), timeout=seconds))[1]

    def _give_up(self) -> None:
        self.transactional_id = ""
        self._next = None
        starting, self._starting = self._starting, None
        if starting is not None and not starting.done():
            starting.cancel()
            self._ending.add(starting)
            starting.add_done_callback(self._ending.discard)
        writer, self._writer = self._writer, None
        if writer is not None:
            ending = asyncio.create_task(self._end(writer))
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)

    async def _end(self, writer: TransactionalWriter) -> None:
        await self._late()
        await writer.stop()

    async def _start(self, after_s: float) -> None:
        await asyncio.sleep(after_s)
        transactional_id = joint_stem(self._group) + uuid4().hex
        writer = TransactionalWriter(self._settings, transactional_id)
        while True:
            try:
                await writer.start()
                break
            except Exception as error:  # noqa: BLE001 - whatever it is, lanes go alone for it
                log.warning("no joint transactions for now", error=repr(error))
                await asyncio.sleep(_RETRY_S)
        self._started.add(transactional_id)
        self._writer, self.transactional_id = writer, transactional_id


class _Transaction:
    """What is asked for before it begins."""

    done: "asyncio.Task[Offsets]"

    def __init__(self, writer: TransactionalWriter) -> None:
        self.writer = writer
        self.sends: list[Send] = []
