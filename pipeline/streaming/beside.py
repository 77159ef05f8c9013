"""The thread beside the event loop, which restores state while the loop receives and serves."""

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")

# One: two restores at once would only take turns on the interpreter's lock.
_THREAD = ThreadPoolExecutor(1, "restore")
_TURN_S = 0.001
"""How long work may keep the interpreter from the loop, whose fetches need it again and again.

Python's own 5 ms at each of the reads a fetch takes would have the thread wait for the next fetch.
"""


async def beside(work: Callable[[], T], undo: Callable[[T], None] | None = None) -> T:
    """Run something in the thread; whoever is cancelled waits until the thread is done with it.

    What it works on is nobody else's until this returns or raises. Work that is cancelled before
    its turn is never begun.

    Args:
        work: What to run.
        undo: Given what came of work that nobody takes, as it was cancelled meanwhile.
    """
    future = _THREAD.submit(_in_short_turns, work)
    waited = asyncio.wrap_future(future)
    try:
        return await asyncio.shield(waited)
    except asyncio.CancelledError:
        if not future.cancel():
            await ended(waited)
            if waited.exception() is None and undo is not None:
                undo(waited.result())
        raise


def _in_short_turns(work: Callable[[], T]) -> T:
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(min(usual_s, _TURN_S))
    try:
        return work()
    finally:
        sys.setswitchinterval(usual_s)


async def ended(future: "asyncio.Future[T]") -> None:
    """Return once it is done, however often whoever waits is cancelled; that is theirs to raise."""
    while not future.done():
        with suppress(asyncio.CancelledError):  # once more: it is raised in the end
            await asyncio.wait([future])
