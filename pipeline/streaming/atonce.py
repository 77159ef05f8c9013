"""Has Faust hand a message over without making tasks for it.

For each message Faust waits for the first of two: that it is on its queue, or that the flow stops.
It makes four tasks for that, which takes rounds of the event loop, and in each of those the lanes
may work for some milliseconds. A fetch brings a batch of each of many partitions, so the last of
them came some tenths of a second late.
"""

import asyncio
from collections.abc import Coroutine, Generator, Iterable
from types import coroutine
from typing import Any

from mode.services import Service, WaitResults


class AtOnce(Service):
    """A service whose first wait is over at once where there is nothing to wait for."""

    abstract = True

    async def wait_first(
        self,
        *coros: Any,
        timeout: Any = None,  # noqa: ASYNC109 - mode's signature
    ) -> WaitResults:
        """Wait for the first of several; they are made tasks only if the first one has to wait."""
        first = coros[0]
        if not asyncio.iscoroutine(first):
            return await super().wait_first(*coros, timeout=timeout)
        try:
            waits_for = first.send(None)
        except StopIteration as done:
            _close(coros[1:])
            return WaitResults([first], [done.value], stopped=False)
        except BaseException:
            _close(coros[1:])
            raise
        return await super().wait_first(_rest_of(first, waits_for), *coros[1:], timeout=timeout)


def _close(coros: Iterable[Coroutine[Any, Any, Any]]) -> None:
    for each in coros:
        each.close()


async def _rest_of(begun: Coroutine[Any, Any, Any], waits_for: Any) -> Any:
    return await _resumed(begun, waits_for)


@coroutine
def _resumed(begun: Coroutine[Any, Any, Any], waits_for: Any) -> Generator[Any, Any, Any]:
    """What is left of a coroutine that was begun by hand and waits for something."""
    while True:
        try:
            try:
                got = yield waits_for
            except BaseException as error:  # noqa: BLE001 - whatever it is, it decides
                waits_for = begun.throw(error)
            else:
                waits_for = begun.send(got)
        except StopIteration as done:
            return done.value
