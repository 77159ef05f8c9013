"""A store is closed beside the event loop, and to its end."""

import asyncio
import threading
import time

import pytest

from pipeline.streaming.store import PartitionStore
from pipeline.streaming.stores.closing import close


class Slow(PartitionStore):
    """A store that is closed once it may be."""

    def __init__(self) -> None:
        super().__init__()
        self.may_close = threading.Event()
        self.saved: bool | None = None

    def close(self, *, save: bool = True) -> None:
        self.may_close.wait(60)
        time.sleep(0.05)
        self.saved = save


@pytest.mark.parametrize("save", [True, False])
def test_the_event_loop_goes_on_while_a_store_is_closed(*, save: bool) -> None:
    store = Slow()

    async def run() -> None:
        closing = asyncio.create_task(close(store, save=save))
        await asyncio.sleep(0.05)
        assert store.saved is None
        store.may_close.set()
        await closing

    asyncio.run(run())
    assert store.saved is save


def test_who_is_cancelled_still_waits_until_the_store_is_closed() -> None:
    store = Slow()

    async def run() -> None:
        closing = asyncio.create_task(close(store, save=True))
        for _ in range(2):
            await asyncio.sleep(0.05)
            closing.cancel()
        await asyncio.sleep(0.05)
        assert not closing.done()
        store.may_close.set()
        with pytest.raises(asyncio.CancelledError):
            await closing
        assert store.saved

    asyncio.run(run())
