"""Work beside the event loop is over when whoever asked for it goes on."""

import asyncio
import sys
from threading import Event

import pytest

from pipeline.streaming.beside import beside

_WITHIN_S = 60.0


def test_what_comes_of_work_nobody_waits_for_any_more_is_undone() -> None:
    begun, let = Event(), Event()
    undone: list[str] = []

    def work() -> str:
        begun.set()
        assert let.wait(_WITHIN_S)
        return "made"

    async def go() -> None:
        working = asyncio.create_task(beside(work, undone.append))
        assert await asyncio.to_thread(begun.wait, _WITHIN_S)
        working.cancel()
        await asyncio.sleep(0.05)
        assert not undone
        let.set()
        with pytest.raises(asyncio.CancelledError):
            await working

    asyncio.run(go())
    assert undone == ["made"]


def test_what_is_taken_is_not_undone_and_a_failure_is_raised() -> None:
    undone: list[str] = []

    def fails() -> str:
        raise ValueError("of its own")

    async def go() -> None:
        assert await beside(lambda: "made", undone.append) == "made"
        with pytest.raises(ValueError, match="of its own"):
            await beside(fails, undone.append)

    asyncio.run(go())
    assert not undone


def test_the_loop_gets_its_turn_sooner_while_there_is_work_and_as_ever_after_it() -> None:
    usual_s = sys.getswitchinterval()

    def fails() -> None:
        raise ValueError(str(sys.getswitchinterval()))

    async def go() -> None:
        assert await beside(sys.getswitchinterval) < usual_s
        assert sys.getswitchinterval() == usual_s
        with pytest.raises(ValueError, match=r"^0\.001"):
            await beside(fails)
        assert sys.getswitchinterval() == usual_s

    asyncio.run(go())
