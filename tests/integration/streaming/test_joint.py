"""A producer that lanes have in common writes no partition that somebody else has taken."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest

from pipeline import topics
from pipeline.streaming import changelog, journal
from pipeline.streaming.flow import Send
from pipeline.streaming.joint import JointWriter, fence
from pipeline.streaming.position import Position
from pipeline.streaming.reader import PartitionReader
from pipeline.streaming.restore import restore
from pipeline.streaming.transaction import FencedError, TransactionalWriter, id_of
from tests.integration.support.records import NOW_MS, grants, record
from tests.integration.support.stream import Stream

_WITHIN_S = 60.0


def position_of(applied: int, transactional_id: str) -> Send:
    position = Position({"payments": applied}, transactional_id=transactional_id)
    return Send(topics.CHANGELOG, 0, [(changelog.POSITION_KEY, position.encode(), ())])


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(_WITHIN_S):
        while not holds():  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(0.02)


@asynccontextmanager
async def lanes_of(stream: Stream) -> AsyncIterator[tuple[TransactionalWriter, JointWriter]]:
    """The owner's producer of partition 0, and what it has in common with others."""
    writer = TransactionalWriter(stream.settings, id_of(stream.settings.app_id, 0))
    common = JointWriter(stream.settings, stream.settings.app_id, calm_s=0.1)
    await writer.start()
    try:
        common.renew()
        await until(lambda: bool(common.transactional_id))
        yield writer, common
    finally:
        await common.close()
        await writer.stop()


async def taken(stream: Stream) -> Position:
    """Where a new owner of partition 0 finds it."""
    writer = TransactionalWriter(stream.settings, id_of(stream.settings.app_id, 0))
    reader = PartitionReader(stream.settings)
    await writer.start()
    await reader.start()
    try:
        found = await restore(reader, 0, lambda: None, partial(fence, stream.settings))
        return found.position
    finally:
        await writer.stop()
        await reader.stop()


def test_a_former_owners_joint_producer_is_fenced_with_it(stream: Stream) -> None:
    async def run() -> None:
        async with lanes_of(stream) as (writer, common):
            who = common.transactional_id
            await writer.write([position_of(1, who)])
            await common.write([position_of(2, who)])
            assert (await taken(stream)).applied == {"payments": 2}
            with pytest.raises(FencedError):
                await common.write([position_of(3, who)])
            assert common.transactional_id == ""
            assert (await taken(stream)).applied == {"payments": 2}
            await until(lambda: bool(common.transactional_id))
            assert common.transactional_id != who

    asyncio.run(run())


def test_what_the_former_owner_had_under_way_is_never_committed(stream: Stream) -> None:
    async def run() -> None:
        async with lanes_of(stream) as (writer, common):
            who = common.transactional_id
            await writer.write([position_of(1, who)])
            producer = common._writer._producer  # type: ignore[union-attr]
            assert producer is not None
            producer.begin()
            await common._writer._deliver(producer, [position_of(2, who)])  # type: ignore[union-attr]
            assert (await taken(stream)).applied == {"payments": 1}
            with pytest.raises(Exception, match=r"(?i)epoch|fenced"):
                await producer.commit()
            assert (await taken(stream)).applied == {"payments": 1}

    asyncio.run(run())


@pytest.mark.parametrize("rounds", [1, 5])
def test_a_producer_that_is_fenced_here_ends_what_is_under_way_first(
    stream: Stream, rounds: int
) -> None:
    async def run() -> None:
        async with lanes_of(stream) as (writer, common):
            who = common.transactional_id
            await writer.write([position_of(1, who)])
            under_way = asyncio.create_task(common.write([position_of(2, who)]))
            for _ in range(rounds):
                await asyncio.sleep(0)
            await asyncio.gather(*(common.fence(who) for _ in range(3)))
            await under_way
            assert common.transactional_id != who
            assert (await taken(stream)).applied == {"payments": 2}

    asyncio.run(run())


def test_lanes_that_ask_at_the_same_time_share_a_transaction(stream: Stream) -> None:
    async def run() -> None:
        async with lanes_of(stream) as (_, common):
            who = Position(transactional_id=common.transactional_id)
            assert common.takes(who)
            assert not common.takes(Position(transactional_id="sesame~another"))
            scores = (Send(topics.SCORES, number, [(b"ann", b"1", ())]) for number in range(3))
            offsets = await asyncio.gather(*(common.write([send]) for send in scores))
            assert offsets[0] == offsets[1] == offsets[2]
            assert len(offsets[0]) == 3

    asyncio.run(run())
    stream.until_settled()
    assert len(stream.read(topics.SCORES)) == 3


def test_what_is_held_when_the_producer_is_given_up_is_still_written(stream: Stream) -> None:
    async def run() -> None:
        async with lanes_of(stream) as (_, common):
            who = common.transactional_id
            with common.held():
                asked = asyncio.create_task(
                    common.write([Send(topics.SCORES, 0, [(b"a", b"1", ())])])
                )
                await asyncio.sleep(0.01)
                fencing = asyncio.create_task(common.fence(who))
                await asyncio.sleep(0.01)
                assert not asked.done()
            assert len(await asked) == 1
            await fencing

    asyncio.run(run())


def test_a_lane_that_is_cancelled_takes_no_other_with_it(stream: Stream) -> None:
    async def run() -> None:
        async with lanes_of(stream) as (_, common):
            sends = [Send(topics.SCORES, number, [(b"ann", b"1", ())]) for number in (0, 1)]
            leaving, staying = (asyncio.create_task(common.write([send])) for send in sends)
            await asyncio.sleep(0)
            leaving.cancel()
            assert len(await staying) == 2

    asyncio.run(run())


def test_after_a_failure_there_is_no_joint_producer_for_a_while(stream: Stream) -> None:
    async def run() -> None:
        async with lanes_of(stream) as (_, common):
            who = common.transactional_id
            await fence(stream.settings, who)
            told = await asyncio.gather(
                *(common.write([Send(topics.SCORES, n, [(b"ann", b"1", ())])]) for n in (0, 1)),
                return_exceptions=True,
            )
            assert [type(each) for each in told] == [FencedError, FencedError]
            assert common.transactional_id == ""
            assert not common.takes(Position())
            await until(lambda: bool(common.transactional_id))
            assert common.transactional_id != who

    asyncio.run(run())
    stream.until_settled()
    assert not stream.read(topics.SCORES)


def enrol_all(stream: Stream, person: Callable[[str], str]) -> list[str]:
    """Somebody in each partition."""
    users: dict[int, str] = {}
    for number in range(200):
        user = person(f"joint-{number}")
        users.setdefault(stream.partition_of(user), user)
        if len(users) == stream.settings.partitions:
            break
    chosen = list(users.values())
    stream.send([one for user in chosen for one in grants(user)])
    stream.until_applied()
    return chosen


def pay(stream: Stream, users: list[str], rounds: int) -> None:
    for number in range(rounds):
        stream.send([record(topics.PAYMENTS, user, NOW_MS + number) for user in users])
        stream.until_applied()


def named(stream: Stream) -> dict[int, set[str]]:
    """By partition, the producers that positions have named beside the owner's."""
    found: dict[int, set[str]] = {}
    for entry in stream.read(topics.JOURNAL):
        who = journal.decode(entry.value or b"").position.transactional_id
        found.setdefault(entry.partition, set()).add(who)
    return found


def test_lanes_of_a_worker_name_one_producer(stream: Stream, person: Callable[[str], str]) -> None:
    stream.worker().until_ready()
    users = enrol_all(stream, person)
    pay(stream, users, 3)
    common = set.intersection(*named(stream).values()) - {""}
    assert len(common) == 1
    assert common.pop().startswith(stream.settings.app_id + "~")
