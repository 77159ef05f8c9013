"""What hangs or fails jointly holds up nobody who has no part in it."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka.errors import KafkaError

from pipeline import settings, topics
from pipeline.streaming import joint
from pipeline.streaming.flow import Send
from pipeline.streaming.joint import JointWriter, Offsets
from pipeline.streaming.position import Position

SETTINGS = settings.load()
SENDS = [Send(topics.SCORES, 0, [])]
LONG_S = 30.0


class Writer:
    """Stands for a broker that answers, hangs or fails as it is told."""

    hangs = False
    failures = 0
    started: list[str]

    def __init__(self, _: Any, transactional_id: str) -> None:
        self.transactional_id = transactional_id
        self.is_stopped = False

    async def start(self) -> None:
        if Writer.failures:
            Writer.failures -= 1
            raise KafkaError("not now")
        Writer.started.append(self.transactional_id)

    async def stop(self) -> None:
        self.is_stopped = True

    async def write(self, sends: Iterable[Send]) -> Offsets:
        assert not self.is_stopped
        while Writer.hangs:  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(0.001)
        return dict.fromkeys(((send.topic.name, send.partition) for send in sends), 1)


@pytest.fixture(autouse=True)
def broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joint, "TransactionalWriter", Writer)
    monkeypatch.setattr(joint, "_END_S", 0.01)
    monkeypatch.setattr(joint, "_RETRY_S", 0.001)
    monkeypatch.setattr(Writer, "hangs", False)
    monkeypatch.setattr(Writer, "failures", 0)
    Writer.started = []


@asynccontextmanager
async def writing() -> AsyncIterator[JointWriter]:
    writer = JointWriter(SETTINGS, "sesame", calm_s=0.0, write=Writer.write)  # type: ignore[arg-type]
    writer.renew()
    async with asyncio.timeout(LONG_S):
        await until_it_has_one(writer)
        yield writer
        await writer.close()


async def until_it_has_one(writer: JointWriter) -> None:
    while not writer.transactional_id:  # noqa: ASYNC110 - nothing tells when
        await asyncio.sleep(0.001)


async def rounds() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def hanging(writer: JointWriter) -> "asyncio.Task[Offsets]":
    """A lane whose transaction is under way, and stays so."""
    Writer.hangs = True
    lane = asyncio.create_task(writer.write(SENDS))
    await rounds()
    return lane


def test_what_hangs_is_broken_off_at_the_end_and_its_lanes_are_told() -> None:
    async def run() -> None:
        async with writing() as writer:
            lane = await hanging(writer)
            assert not writer.takes(Position(transactional_id=writer.transactional_id))
            await writer.close()
            with pytest.raises(KafkaError, match="broken off"):
                await lane

    asyncio.run(run())


def test_what_hangs_here_holds_up_no_fence_of_another_worker() -> None:
    async def run() -> None:
        async with writing() as writer:
            lane = await hanging(writer)
            await writer.fence("sesame~another")
            assert Writer.started[-1] == "sesame~another"
            own = asyncio.create_task(writer.fence(writer.transactional_id))
            await rounds()
            assert not own.done()
            Writer.hangs = False
            assert await lane == {("scores", 0): 1}
            await own

    asyncio.run(run())


def test_a_former_id_of_ours_is_fenced_however_busy_the_present_one_is() -> None:
    async def run() -> None:
        async with writing() as writer:
            former = writer.transactional_id
            writer.renew()
            await until_it_has_one(writer)

            async def keep_busy() -> None:
                while True:
                    await writer.write(SENDS)

            busy = [asyncio.create_task(keep_busy()) for _ in range(3)]
            await rounds()
            await asyncio.wait_for(writer.fence(former), LONG_S / 3)
            for lane in busy:
                lane.cancel()
            await asyncio.gather(*busy, return_exceptions=True)

    asyncio.run(run())


def test_an_id_is_fenced_once_however_many_lanes_found_it_and_again_if_that_failed() -> None:
    async def run() -> None:
        async with writing() as writer:
            Writer.failures = 1
            told = await asyncio.gather(
                *(writer.fence("sesame~lost") for _ in range(3)), return_exceptions=True
            )
            assert [type(each) for each in told] == 3 * [KafkaError]
            await asyncio.gather(*(writer.fence("sesame~lost") for _ in range(3)))
            await writer.fence("sesame~lost")
            assert Writer.started.count("sesame~lost") == 1

    asyncio.run(run())


def test_whoever_is_soon_to_ask_is_waited_for() -> None:
    async def run() -> None:
        async with writing() as writer:
            with writer.held():
                first = asyncio.create_task(writer.write(SENDS))
                await rounds()
                assert not first.done()
                second = asyncio.create_task(writer.write([Send(topics.SCORES, 1, [])]))
                await rounds()
            both = {("scores", 0): 1, ("scores", 1): 1}
            assert list(await asyncio.gather(first, second)) == [both, both]

    asyncio.run(run())


def test_a_broker_that_fails_at_the_start_is_asked_again() -> None:
    async def run() -> None:
        async with writing() as writer:
            former = writer.transactional_id
            Writer.failures = 3
            writer.renew()
            assert writer.transactional_id == ""
            await until_it_has_one(writer)
            assert writer.transactional_id != former

    asyncio.run(run())
