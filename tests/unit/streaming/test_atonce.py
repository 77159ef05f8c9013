"""A message that can be handed over at once is, and one that has to wait is not lost."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from mode.services import WaitResults

from pipeline.streaming.atonce import AtOnce


class Consumer(AtOnce):
    """Something that hands over."""


async def race(first: Coroutine[Any, Any, Any], stop: asyncio.Event) -> WaitResults:
    return await Consumer().wait_first(first, stop.wait())


def test_what_has_nothing_to_wait_for_is_done_in_the_same_round_and_without_a_task() -> None:
    async def put() -> str:
        return "put"

    async def run() -> None:
        tasks = len(asyncio.all_tasks())
        rounds: list[int] = []
        asyncio.get_running_loop().call_soon(rounds.append, 1)
        found = await race(put(), asyncio.Event())
        assert (found.results, found.stopped) == (["put"], False)
        assert (rounds, len(asyncio.all_tasks())) == ([], tasks)

    asyncio.run(run())


def test_what_has_to_wait_goes_on_when_it_may() -> None:
    async def run() -> None:
        queue: asyncio.Queue[int] = asyncio.Queue(1)
        queue.put_nowait(1)

        async def put() -> str:
            await queue.put(2)
            await queue.put(3)
            return "put"

        racing = asyncio.create_task(race(put(), asyncio.Event()))
        assert [await queue.get() for _ in range(3)] == [1, 2, 3]
        assert (await racing).results == ["put"]

    asyncio.run(run())


def test_a_stop_ends_what_waits() -> None:
    async def run() -> None:
        stop = asyncio.Event()
        ended: list[str] = []

        async def put() -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                ended.append("cancelled")
                raise

        racing = asyncio.create_task(race(put(), stop))
        await asyncio.sleep(0)
        stop.set()
        assert (await racing).results == [True]
        await asyncio.sleep(0)
        assert ended == ["cancelled"]

    asyncio.run(run())


@pytest.mark.parametrize("waits", [False, True])
def test_an_error_is_raised_whether_it_came_at_once_or_later(*, waits: bool) -> None:
    async def put() -> None:
        if waits:
            await asyncio.sleep(0)
        raise ValueError("no such channel")

    async def run() -> None:
        with pytest.raises(ValueError, match="no such channel"):
            await race(put(), asyncio.Event())

    asyncio.run(run())
