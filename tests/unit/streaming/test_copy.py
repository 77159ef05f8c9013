"""A copy takes up what was fetched beside the event loop, whatever becomes of who asked for it."""

import asyncio
from collections.abc import Sequence
from threading import Event

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline import topics
from pipeline.factors.layout import FACTOR_ROW_LAYOUT, LEDGER_ROW_LAYOUT
from pipeline.factors.state import BatchState
from pipeline.streaming import changelog
from pipeline.streaming.copy import Copy
from pipeline.streaming.fetched import BoundedRecords, WholeBatch
from pipeline.streaming.position import Position
from pipeline.streaming.records import Entry
from pipeline.streaming.store import PartitionStore
from tests.integration.support.raw import RawRecord, batch

_WITHIN_S = 60.0
_NO_END = 1 << 62


class SlowStore(PartitionStore):
    """Takes rows only when it is let, and notes when it has."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.let, self.is_done = Event(), Event(), False

    def put_row(self, users: Sequence[str], rows: NDArray[np.void]) -> None:
        self._wait()
        super().put_row(users, rows)
        self.is_done = True

    def put_people(
        self, users: Sequence[str], rows: NDArray[np.void], ledgers: NDArray[np.void]
    ) -> None:
        self._wait()
        super().put_people(users, rows, ledgers)
        self.is_done = True

    def _wait(self) -> None:
        self.begun.set()
        assert self.let.wait(_WITHIN_S)


@pytest.fixture
def slow() -> Copy[SlowStore]:
    return Copy(topics.CHANGELOG, 0, 1, 0, SlowStore())


def fetched(entries: Sequence[Entry]) -> WholeBatch:
    records = BoundedRecords(batch([RawRecord(key, value) for key, value in entries]))
    records.whole, records.unpacked_bytes_max = True, 1 << 20
    (whole,) = records.next_batch()
    assert isinstance(whole, WholeBatch)
    return whole


def enrolled(*users: str) -> WholeBatch:
    state = BatchState.empty(list(users))
    state.rows["layout"], state.ledgers["layout"] = FACTOR_ROW_LAYOUT, LEDGER_ROW_LAYOUT
    written = changelog.entries(BatchState.empty(list(users)), state, range(len(users)))
    return fetched([*written, (changelog.POSITION_KEY, Position({"payments": 1}).encode())])


async def begun(copy: Copy[SlowStore]) -> "asyncio.Task[None]":
    """Something that is being applied, and held up."""
    applying = asyncio.create_task(copy.apply([enrolled("ann")], _NO_END))
    assert await asyncio.to_thread(copy.store.begun.wait, _WITHIN_S)
    return applying


def test_who_cancels_an_application_waits_until_nothing_touches_the_store(
    slow: Copy[SlowStore],
) -> None:
    async def go() -> None:
        applying = await begun(slow)
        for _ in range(2):
            applying.cancel()
            await asyncio.sleep(0.05)
            assert not applying.done()
        slow.store.let.set()
        with pytest.raises(asyncio.CancelledError):
            await applying
        assert slow.store.is_done
        assert (slow.next_offset, slow.position) == (3, Position({"payments": 1}))

    asyncio.run(go())


def test_a_copy_is_settled_only_after_what_was_cancelled_is_done_too(
    slow: Copy[SlowStore],
) -> None:
    async def go() -> None:
        applying = await begun(slow)
        applying.cancel()
        settled = asyncio.create_task(slow.settled())
        await asyncio.sleep(0.05)
        assert not settled.done()
        slow.store.let.set()
        async with asyncio.timeout(_WITHIN_S):
            await settled
        assert slow.store.is_done
        assert "ann" in slow.store
        await asyncio.gather(applying, return_exceptions=True)

    asyncio.run(go())


def test_what_is_cancelled_before_its_turn_is_never_applied(slow: Copy[SlowStore]) -> None:
    async def go() -> None:
        other = Copy(topics.CHANGELOG, 1, 1, 0, PartitionStore())
        applying = await begun(slow)
        waiting = asyncio.create_task(other.apply([enrolled("bob")], _NO_END))
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        slow.store.let.set()
        await applying
        await other.settled()
        assert (len(other.store), other.next_offset) == (0, 0)

    asyncio.run(go())
