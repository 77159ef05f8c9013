"""A warm copy is gone on from only while it is a part of what its changelog holds."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._resource import ResourceType
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from pipeline import provision, topics
from pipeline.factors.layout import FACTOR_ROW_LAYOUT, LEDGER_ROW_LAYOUT
from pipeline.factors.state import BatchState
from pipeline.streaming import changelog, reader
from pipeline.streaming.flow import Send
from pipeline.streaming.joint import fence
from pipeline.streaming.position import Position
from pipeline.streaming.reader import PartitionReader
from pipeline.streaming.records import Entry
from pipeline.streaming.restore import Restored, restore
from pipeline.streaming.standby import Standby
from pipeline.streaming.store import PartitionStore
from pipeline.streaming.stores.base import Store, Stores
from pipeline.streaming.stores.changelogs import Identities
from pipeline.streaming.stores.checkpoint import Changelog, Checkpoint
from pipeline.streaming.stores.folders import MemoryStores, open_stores
from pipeline.streaming.stores.snapshot import SnapshotDisk, SnapshotStore
from pipeline.streaming.transaction import TransactionalWriter, id_of
from tests.integration.streaming.conftest import NewStream
from tests.integration.streaming.test_restart import set_config
from tests.integration.support.stream import Stream

_WITHIN_S = 240.0
_HOUR_MS = 3_600_000
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
    writer = TransactionalWriter(stream.settings, id_of(stream.settings.app_id, 0))
    await writer.start()
    try:
        position = (changelog.POSITION_KEY, Position({"payments": applied}).encode())
        records = [(key, value, ()) for key, value in [*entries, position]]
        await writer.write([Send(topics.CHANGELOG, 0, records)])
    finally:
        await writer.stop()
    await asyncio.to_thread(stream.until_settled)


@asynccontextmanager
async def following(stream: Stream) -> AsyncIterator[Standby]:
    """Something that follows all partitions."""
    standby = Standby(stream.settings)
    running = asyncio.create_task(standby.run(set))
    try:
        yield standby
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@asynccontextmanager
async def standing_by(stream: Stream) -> AsyncIterator[Standby]:
    """Something that follows all partitions and has begun with them."""
    async with following(stream) as standby:
        await until(lambda: 0 in standby._copies)
        yield standby


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(_WITHIN_S):
        while not holds():  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(0.02)


def has_read(standby: Standby, applied: int) -> bool:
    copy = standby._copies.get(0)
    return copy is not None and copy.position == Position({"payments": applied})


def changelog_of(generation: int = 1, start: int = 0, end: int = 1_000) -> Changelog:
    return Changelog(topics.CHANGELOG, 0, generation, start, end)


async def restored(
    stream: Stream,
    standby: Standby | None,
    stores: Stores | None = None,
    advanced: Callable[[], None] = lambda: None,
) -> Restored:
    reading = PartitionReader(stream.settings)
    await reading.start()
    try:
        return await restore(reading, 0, advanced, partial(fence, stream.settings), stores, standby)
    finally:
        await reading.stop()


def recovered() -> Counter[str]:
    """Changelog records this process has restored from, by what it began from."""
    counted = (
        (start, REGISTRY.get_sample_value("sesame_recovery_records_total", {"start": start}))
        for start in ("cold", "disk", "warm")
    )
    return Counter({start: int(count or 0) for start, count in counted})


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
        # What nobody follows any more stays behind, and is as good a start.
        assert standby._copies[0].records == 2 * len(PEOPLE) + 1
        later = [*entries_of(PEOPLE[:5], 601), *changelog.tombstones(PEOPLE[7])]
        await write(single, later, 2)
        before = recovered()
        found = await restored(single, standby)
        assert recovered() - before == {"warm": len(later) + 1}
        assert not standby._copies
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
            assert standby._copies[0] is not copy
            await until(lambda: has_read(standby, 1))
            assert standby._copies[0].records == copy.records
            before = recovered()
            found = await restored(single, standby)
            assert recovered() == before
        assert_same(found, await restored(single, None))

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
            assert await standby.take(changelog_of()) is None
            standby._copies = {0: old}
            found = await restored(single, standby)
        assert len(found.store) == 30
        assert_same(found, await restored(single, None))

    asyncio.run(go())


def keep_tombstones(stream: Stream, time_ms: int) -> None:
    name = stream.prefix + topics.CHANGELOG.name
    values = {"delete.retention.ms": str(time_ms)}
    set_config(stream.bootstrap, ResourceType.TOPIC, name, values)
    identities = Identities(stream.settings)
    while asyncio.run(identities.of(topics.CHANGELOG)).tombstone_ms != time_ms:
        pass


def make_anew(stream: Stream, topic: topics.Topic) -> None:
    admin = AdminClient({"bootstrap.servers": stream.bootstrap, "log_level": 0})
    name = stream.prefix + topic.name
    admin.delete_topics([name])[name].result()
    while name in admin.list_topics(timeout=_WITHIN_S).topics:
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
            assert await standby.take(changelog_of(generation, start, end)) is None
            assert not standby._copies

    asyncio.run(go())


def test_a_copy_that_may_lack_tombstones_is_dropped(single: Stream) -> None:
    async def go() -> None:
        await write(single, entries_of(PEOPLE, 600), 1)
        async with standing_by(single) as standby:
            await until(lambda: has_read(standby, 1))
        copy = standby._copies[0]
        copy.whole_at_ms -= _HOUR_MS
        # What the broker does counts, not what the topic was meant to be.
        assert copy.topic.tombstone_ms > 2 * _HOUR_MS
        await asyncio.to_thread(keep_tombstones, single, 2 * _HOUR_MS - 2)
        assert await standby.take(changelog_of()) is None

    asyncio.run(go())


def test_a_changelog_that_cannot_be_read_is_left_alone_and_ends_nothing(single: Stream) -> None:
    async def go() -> None:
        await write(single, [(changelog.ROW + b"ann", b"\x63" + bytes(492))], 1)
        async with following(single) as standby:
            await until(lambda: bool(standby._unreadable))
            await asyncio.sleep(1.5)
            assert not standby._copies
            assert standby.nbytes == 0

    asyncio.run(go())


def test_a_copy_that_holds_nothing_is_no_start(single: Stream) -> None:
    async def go() -> None:
        async with standing_by(single) as standby:
            assert await standby.take(changelog_of()) is None

    asyncio.run(go())


class KeepingStore(PartitionStore):
    """Notes what it is told to keep and how it ends, and that the event loop is left alone."""

    def __init__(self, checkpoint: Checkpoint | None = None) -> None:
        super().__init__()
        self.checkpoint = checkpoint
        self.kept: list[tuple[int, int]] = []
        self.closed: list[bool] = []

    def keep(self, position: Position | None, offset: int, at_ms: int) -> None:
        assert current_thread() is not main_thread()
        super().keep(position, offset, at_ms)
        self.kept.append((offset, at_ms))

    def close(self, *, save: bool = True) -> None:
        self.closed.append(save)


class OneStore(MemoryStores):
    """`Stores` of a single partition."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def open(self, changelog: Changelog, known: int = 0) -> Store:  # noqa: ARG002 - as the protocol has it
        return self.store


@pytest.mark.parametrize("start", ["cold", "disk", "warm"])
def test_what_is_kept_is_as_old_as_its_beginning_until_the_end_is_reached(
    single: Stream, monkeypatch: pytest.MonkeyPatch, start: str
) -> None:
    monkeypatch.setattr(reader, "_FETCH_BYTES", 1)  # a transaction is a fetch then
    old_ms = time.time_ns() // 1_000_000 - _HOUR_MS

    async def go() -> None:
        await write(single, entries_of(PEOPLE, 600), 1)
        standby = None
        if start == "warm":
            async with standing_by(single) as standby:
                await until(lambda: has_read(standby, 1))
            standby._copies[0].whole_at_ms = old_ms
        for applied in (2, 3, 4):
            await write(single, entries_of(PEOPLE[:5], 600 + applied), applied)
        of_disk = Checkpoint("", 1, 2 * len(PEOPLE), old_ms, Position())
        store = KeepingStore(of_disk if start == "disk" else None)
        began_ms = time.time_ns() // 1_000_000
        before = recovered()
        found = await restored(single, standby, OneStore(store))

        assert set(recovered() - before) == {start}
        *meanwhile, (end, at_ms) = store.kept
        assert len(meanwhile) >= 3
        assert at_ms >= began_ms
        assert end >= meanwhile[-1][0]
        if start == "cold":
            assert {ms for _, ms in meanwhile} == {at_ms}
        else:
            assert {ms for _, ms in meanwhile} == {old_ms}
        assert found.position == Position({"payments": 4})

    asyncio.run(go())


@pytest.mark.parametrize("error", [KafkaTimeoutError, asyncio.CancelledError])
def test_a_copy_that_was_not_read_on_to_the_end_is_followed_again(
    single: Stream, error: type[BaseException]
) -> None:
    async def go() -> None:
        await write(single, entries_of(PEOPLE, 600), 1)
        async with standing_by(single) as standby:
            await until(lambda: has_read(standby, 1))
        await write(single, entries_of(PEOPLE[:5], 601), 2)

        def breaks_off() -> None:
            raise error

        store = KeepingStore()
        with pytest.raises(error):
            await restored(single, standby, OneStore(store), breaks_off)
        assert store.closed == [False]
        assert standby._copies[0].position == Position({"payments": 2})
        assert standby._copies[0].store is not store

        before = recovered()
        found = await restored(single, standby)
        assert recovered() == before
        assert_same(found, await restored(single, None))

    asyncio.run(go())


def test_of_a_copy_and_a_snapshot_the_one_that_got_further_is_gone_on_from(
    single: Stream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = SnapshotDisk.open

    def beside_the_loop(*given: Any) -> SnapshotStore:
        assert current_thread() is not main_thread()
        return opened(*given)

    monkeypatch.setattr(SnapshotDisk, "open", beside_the_loop)
    stores = open_stores(single.settings.model_copy(update={"state_dir": tmp_path}))

    async def go() -> None:
        await write(single, entries_of(PEOPLE, 600), 1)
        (await restored(single, None, stores)).store.close()

        await write(single, entries_of(PEOPLE[:5], 601), 2)
        async with standing_by(single) as standby:
            await until(lambda: has_read(standby, 2))
        behind = replace(standby._copies[0], store=PartitionStore())
        await write(single, entries_of(PEOPLE[:3], 602), 3)
        before = recovered()
        with capture_logs() as told:
            found = await restored(single, standby, stores)
        assert recovered() - before == {"warm": 2 * 3 + 1}
        reasons = [line.get("reason", "") for line in told]
        assert any("and a warm copy at" in why for why in reasons), "the snapshot was loaded"
        assert_same(found, await restored(single, None))
        found.store.close()

        await write(single, entries_of(PEOPLE[:2], 603), 4)
        standby._copies[0] = behind
        before = recovered()
        found = await restored(single, standby, stores)
        assert recovered() - before == {"disk": 2 * 2 + 1}
        assert_same(found, await restored(single, None))

    asyncio.run(go())
