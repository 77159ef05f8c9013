"""What a lane owned is let go of to its end, and saved only for a worker's own next start."""

import asyncio
from typing import cast

import pytest

from pipeline import settings, topics
from pipeline.streaming.flow import Flow, Owned
from pipeline.streaming.lane import Lane
from pipeline.streaming.pool import LanePool

SETTINGS = settings.load()


class _Flow:
    inputs = topics.INPUTS
    group = "factors"

    def assigned(self) -> None:
        """Lanes have nothing in common."""

    async def close(self) -> None:
        """Nor to end."""

    def forget(self, partition: int) -> None:
        """Nothing is known of any."""


class _Owned:
    """A partition that takes note of how it was let go."""

    def __init__(self, failure: Exception | None = None) -> None:
        self._failure = failure
        self.released: list[bool] = []

    async def suspend(self) -> None:
        if self._failure:
            raise self._failure

    async def release(self, *, save: bool) -> None:
        self.released.append(save)


async def owning(owned: _Owned) -> LanePool:
    pool = LanePool(SETTINGS, cast("Flow", _Flow()), lambda _: None)
    lane = pool.lanes[3] = Lane(SETTINGS, cast("Flow", _Flow()), 3, lambda _: None)
    lane._owned = cast("Owned", owned)
    return pool


def test_a_partition_that_another_worker_gets_is_not_saved() -> None:
    owned = _Owned()

    async def run() -> None:
        pool = await owning(owned)
        await pool.on_assigned([])

    asyncio.run(run())
    assert owned.released == [False]


def test_a_worker_that_ends_saves_what_it_owns() -> None:
    owned = _Owned()

    async def run() -> None:
        pool = await owning(owned)
        await pool.close()

    asyncio.run(run())
    assert owned.released == [True]


def test_what_cannot_be_suspended_is_let_go_of_all_the_same() -> None:
    owned = _Owned(RuntimeError("its feed has failed"))

    async def run() -> None:
        lane = (await owning(owned)).lanes[3]
        with pytest.raises(RuntimeError):
            await lane._drop()

    asyncio.run(run())
    assert owned.released == [False]
