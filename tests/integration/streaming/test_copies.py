"""A warm copy is gone on from only while it is a part of what its changelog holds."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from confluent_kafka.admin import AdminClient

from pipeline import provision, topics
from pipeline.factors.layout import FACTOR_ROW_LAYOUT, LEDGER_ROW_LAYOUT
from pipeline.factors.state import BatchState
from pipeline.streaming import changelog
from pipeline.streaming.flow import Send
from pipeline.streaming.position import Position
from pipeline.streaming.reader import PartitionReader
from pipeline.streaming.records import Entry
from pipeline.streaming.restore import Restored, restore
from pipeline.streaming.standby import Standby
from pipeline.streaming.transaction import TransactionalWriter
from tests.integration.streaming.conftest import NewStream
from tests.integration.support.stream import Stream

_WITHIN_S = 60.0
PEOPLE = [f"user-{number}" for number in range(40)]


@pytest.fixture
def single(new_stream: NewStream) -> Stream:
    """A stream of one partition, without workers."""
    return new_stream(1).create_topics()


def entries_of(users: list[str], month: int) -> list[Entry]:
    state = BatchState.empty(users)
    state.rows["layout"], state.ledgers["layout"] = FACTOR_ROW_LAYOUT, LEDGER_ROW_LAYOUT
    state.rows["first_credit_month"] = month
    return changelog.entries(BatchState.empty(users), state, range(len(users)))


async def write(stream: Stream, entries: list[Entry], applied: int) -> None:
    """As a lane would, a transaction of its own."""
    writer = TransactionalWriter(stream.settings, stream.settings.app_id, 0)
    await writer.start()
    try:
        position = (changelog.POSITION_KEY, Position({"payments": applied}).encode())
        records = [(key, value, ()) for key, value in [*entries, position]]
        await writer.write([Send(topics.CHANGELOG, 0, records)])
    finally:
        await writer.stop()


@asynccontextmanager
async def standing_by(stream: Stream) -> AsyncIterator[Standby]:
    """Something that follows all partitions and has caught up."""
    standby = Standby(stream.settings)
    following = asyncio.create_task(standby.run(set))
    try:
        await until(lambda: 0 in standby._copies)
        yield standby
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(_WITHIN_S):
        while not holds():  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(0.02)


def has_read(standby: Standby, applied: int) -> bool:
    copy = standby._copies.get(0)
    return copy is not None and copy.position == Position({"payments": applied})


async def restored(stream: Stream, standby: Standby | None) -> Restored:
    reader = PartitionReader(stream.settings)
    await reader.start()
    try:
        return await restore(reader, 0, lambda: None, standby=standby)
    finally:
        await reader.stop()


def assert_same(one: Restored, other: Restored) -> None:
    assert (one.position, one.generation) == (other.position, other.generation)
    assert len(one.store) == len(other.store)
    state, wanted = one.store.gather(PEOPLE), other.store.gather(PEOPLE)
    assert state.rows.tobytes() == wanted.rows.tobytes()
    assert state.ledgers.tobytes() == wanted.ledgers.tobytes()


def test_a_restore_goes_on_from_a_copy_and_reads_what_came_after_it(single: Stream) -> None:
    async def go() -> None:
        await write(single, entries_of(PEOPLE, 600), 1)
        async with standing_by(single) as standby:
            await until(lambda: has_read(standby, 1))
            (copy,) = standby._copies.values()
            read = copy.records
            later = [*entries_of(PEOPLE[:5], 601), *changelog.tombstones(PEOPLE[7])]
            await write(single, later, 2)
            found = await restored(single, standby)
        assert found.store is copy.store
        assert read == 2 * len(PEOPLE) + 1
        assert copy.records == read + len(later) + 1
        assert PEOPLE[7] not in found.store
        assert_same(found, await restored(single, None))

    asyncio.run(go())


def test_a_copy_begun_again_holds_what_was_read_before_too(single: Stream) -> None:
    async def go() -> None:
        await write(single, entries_of(PEOPLE, 600), 1)
        async with standing_by(single) as standby:
            await until(lambda: has_read(standby, 1))
            copy = standby._copies[0]
            standby._drop(0)
            await until(lambda: 0 in standby._copies)
            await until(lambda: has_read(standby, 1))
            found = await restored(single, standby)
        assert len(found.store) == len(PEOPLE)
        assert found.store is not copy.store

    asyncio.run(go())


def test_a_topic_made_anew_is_not_gone_on_in_from_an_old_copy(single: Stream) -> None:
    async def go() -> None:
        await write(single, entries_of(PEOPLE, 600), 1)
        async with standing_by(single) as standby:
            await until(lambda: has_read(standby, 1))
            # What follows nothing any more does not notice by itself.
            standby._looked_at = float("inf")
            old = standby._copies[0]
            standby._copies = {}
            await asyncio.to_thread(make_anew, single, topics.CHANGELOG)
            await write(single, entries_of(PEOPLE[:30], 601), 1)
            await write(single, entries_of(PEOPLE[:30], 602), 2)
            standby._copies = {0: old}
            assert await standby.take(0, 1, 0, 1_000) is None
            standby._copies = {0: old}
            found = await restored(single, standby)
        assert len(found.store) == 30
        assert_same(found, await restored(single, None))

    asyncio.run(go())


def make_anew(stream: Stream, topic: topics.Topic) -> None:
    admin = AdminClient({"bootstrap.servers": stream.bootstrap, "log_level": 0})
    name = stream.prefix + topic.name
    admin.delete_topics([name])[name].result()
    while name in admin.list_topics(timeout=10).topics:
        pass
    provision.ensure_topics(stream.settings, [])


@pytest.mark.parametrize(
    ("generation", "start", "end"), [(2, 0, 1_000), (1, 500, 1_000), (1, 0, 3)]
)
def test_a_copy_of_another_changelog_or_beyond_its_ends_is_dropped(
    single: Stream, generation: int, start: int, end: int
) -> None:
    async def go() -> None:
        await write(single, entries_of(PEOPLE, 600), 1)
        async with standing_by(single) as standby:
            await until(lambda: has_read(standby, 1))
            standby._looked_at = float("inf")  # it begins no other
            assert await standby.take(0, generation, start, end) is None
            assert await standby.take(0, 1, 0, 1_000) is None

    asyncio.run(go())


def test_a_copy_that_may_lack_tombstones_is_dropped(single: Stream) -> None:
    async def go() -> None:
        await write(single, entries_of(PEOPLE, 600), 1)
        async with standing_by(single) as standby:
            await until(lambda: has_read(standby, 1))
            copy = standby._copies.pop(0)
            copy.whole_at_ms -= topics.CHANGELOG.tombstone_ms // 2 + 1
            standby._copies[0] = copy
            assert await standby.take(0, 1, 0, 1_000) is None

    asyncio.run(go())


def test_a_changelog_that_cannot_be_read_is_left_alone_and_ends_nothing(single: Stream) -> None:
    async def go() -> None:
        await write(single, [(changelog.ROW + b"ann", b"\x63" + bytes(492))], 1)
        async with standing_by(single) as standby:
            await until(lambda: not standby._copies)
            await asyncio.sleep(1.5)
            assert not standby._copies
            assert standby.nbytes == 0

    asyncio.run(go())
