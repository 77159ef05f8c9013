"""A worker with its people on disk goes on where they are, and only where that is still true."""

import asyncio
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, ResourceType

from pipeline import provision, topics
from pipeline.factors.layout import FACTOR_ROW_LAYOUT, LEDGER_ROW_LAYOUT
from pipeline.factors.state import BatchState
from pipeline.scoring.model import Model
from pipeline.settings import Settings
from pipeline.streaming import changelog, generations
from pipeline.streaming.flow import Send
from pipeline.streaming.joint import fence
from pipeline.streaming.position import Position
from pipeline.streaming.reader import PartitionReader
from pipeline.streaming.records import Entry
from pipeline.streaming.restore import Restored, restore
from pipeline.streaming.stores.checkpoint import StoreError
from pipeline.streaming.stores.folders import open_stores
from pipeline.streaming.transaction import TransactionalWriter, id_of
from tests.integration.streaming.conftest import NewStream
from tests.integration.streaming.test_restart import set_config
from tests.integration.streaming.test_worker_loss import (
    SMALL_TRANSACTIONS,
    kill_in_a_transaction,
    load,
)
from tests.integration.support.load import simulated
from tests.integration.support.replay import assert_as_replayed
from tests.integration.support.stream import Input, Stream, until
from tests.integration.support.tail import Ends
from tests.integration.support.worker import WorkerProcess

_GOES_ON = re.compile(r"state on disk .*folder=\S*/partition-(\d+)\b.*offset=")
_WAIT_S = 240.0


def on_disk(folder: Path) -> dict[str, str]:
    return {
        "SESAME_STORE": "rocksdb",
        "SESAME_STATE_DIR": str(folder),
        "SESAME_CHECKPOINT_S": "0.5",
    }


def gone_on_with(worker: WorkerProcess) -> set[int]:
    """The partitions whose state it took from its disk."""
    return {int(number) for number in _GOES_ON.findall(worker.log)}


def until_ended(worker: WorkerProcess) -> None:
    until(lambda: not worker.is_running, lambda: worker.log, _WAIT_S)


def test_killed_again_and_again_a_worker_goes_on_exactly_from_its_disk(
    stream: Stream, model: Model, tmp_path: Path
) -> None:
    variables = SMALL_TRANSACTIONS | on_disk(tmp_path / "state")
    with load(stream):
        victim = stream.worker(**variables)
        for records in (2_000, 7_000, 12_000):
            stream.until_some_applied(records)
            kill_in_a_transaction(stream, victim)
            victim = stream.worker(**variables)

    assert gone_on_with(victim)
    assert_as_replayed(stream, model)


@pytest.mark.parametrize(
    ("store", "point"),
    [
        ("rocksdb", "transaction.committed"),
        ("rocksdb", "batch.scattered"),
        ("memory", "transaction.committed"),
    ],
)
def test_killed_between_the_commit_and_its_disk_a_worker_misses_nothing(
    stream: Stream, model: Model, tmp_path: Path, store: str, point: str
) -> None:
    variables = SMALL_TRANSACTIONS | on_disk(tmp_path / "state") | {"SESAME_STORE": store}
    opening, rest = simulated(people=100, events=7_000)
    victim = stream.worker(**variables, SESAME_CHAOS="1", SESAME_FAILPOINTS=f"{point}:12")
    stream.send([*opening, *rest])
    until_ended(victim)

    successor = stream.worker(**variables)
    stream.until_applied()

    assert gone_on_with(successor)
    assert_as_replayed(stream, model)


@pytest.mark.parametrize("store", ["memory", "rocksdb"])
def test_a_worker_that_is_told_to_end_leaves_all_it_has_on_disk(
    stream: Stream, model: Model, tmp_path: Path, store: str
) -> None:
    variables = on_disk(tmp_path / "state") | {"SESAME_STORE": store}
    opening, rest = simulated(people=100, events=7_000)
    first = stream.worker(**variables)
    stream.send([*opening, *rest[:4_000]])
    stream.until_applied()
    people = sum(key.startswith(changelog.ROW) for key in stream.state())
    assert first.terminate() == 0

    second = stream.worker(**variables).until_ready()
    stream.until(lambda: sum(second.metrics().get("sesame_rows", {}).values()) == people)
    assert gone_on_with(second) == set(range(stream.partitions))
    stream.send(rest[4_000:])
    stream.until_applied()

    assert_as_replayed(stream, model)


@pytest.fixture
def one(new_stream: NewStream) -> Stream:
    return new_stream(1).create_topics()


def settings_of(stream: Stream, folder: Path) -> Settings:
    chosen = {"store": "rocksdb", "state_dir": folder, "state_cache_bytes": 16 << 20}
    return stream.settings.model_copy(update=chosen)


def enrolled(*users: str) -> list[Entry]:
    state = BatchState.empty(list(users))
    state.rows["layout"] = FACTOR_ROW_LAYOUT
    state.ledgers["layout"] = LEDGER_ROW_LAYOUT
    return changelog.entries(BatchState.empty(list(users)), state, range(len(users)))


def write(settings: Settings, entries: list[Entry], payments: int, generation: int = 1) -> None:
    """A transaction of a partition's lane, as far as its changelog goes."""

    async def run() -> None:
        writer = TransactionalWriter(settings, id_of(settings.app_id, 0))
        await writer.start()
        position = (changelog.POSITION_KEY, Position({"payments": payments}).encode())
        topic = topics.changelog_of(generation)
        records = [(key, value, ()) for key, value in (*entries, position)]
        try:
            await writer.write([Send(topic, 0, records)])
        finally:
            await writer.stop()

    asyncio.run(run())
    part = TopicPartition(settings.topic(topics.changelog_of(generation).name), 0)
    Ends(settings.bootstrap).until_settled([part])


def restored(settings: Settings) -> tuple[int | None, set[str], Mapping[str, int]]:
    """The checkpoint's offset, the people and the position that a restart finds."""

    async def run() -> tuple[int | None, set[str], Mapping[str, int]]:
        reader = PartitionReader(settings)
        await reader.start()
        try:
            found: Restored = await restore(
                reader, 0, lambda: None, partial(fence, settings), open_stores(settings)
            )
        finally:
            await reader.stop()
        people = {user for chunk in found.store.chunks(100) for user in chunk}
        checkpoint = found.store.checkpoint
        found.store.close()
        return (checkpoint.offset if checkpoint else None), people, found.position.applied

    return asyncio.run(run())


def test_only_what_follows_a_checkpoint_is_read(one: Stream, tmp_path: Path) -> None:
    settings = settings_of(one, tmp_path)
    write(settings, enrolled("ann", "bob"), 1)
    assert restored(settings) == (None, {"ann", "bob"}, {"payments": 1})
    write(settings, [*changelog.tombstones("ann"), *enrolled("cleo")], 2)

    at, people, applied = restored(settings)

    assert at == 6  # two rows and ledgers each, the position, the transaction's mark
    assert (people, applied) == ({"bob", "cleo"}, {"payments": 2})


def test_a_changelog_that_was_made_anew_is_read_from_its_beginning(
    one: Stream, tmp_path: Path
) -> None:
    settings = settings_of(one, tmp_path)
    write(settings, enrolled("ann", "bob"), 1)
    restored(settings)
    name = settings.topic(topics.CHANGELOG.name)
    admin = AdminClient({"bootstrap.servers": one.bootstrap, "log_level": 0})
    admin.delete_topics([name])[name].result()
    until(lambda: name not in admin.list_topics(timeout=_WAIT_S).topics, lambda: name, _WAIT_S)
    provision.ensure_topics(settings, [])
    write(settings, enrolled("cleo", "dan", "eve"), 3)

    assert restored(settings) == (None, {"cleo", "dan", "eve"}, {"payments": 3})


def test_a_checkpoint_of_a_former_generation_is_dropped(one: Stream, tmp_path: Path) -> None:
    settings = settings_of(one, tmp_path)
    write(settings, enrolled("ann", "bob"), 1)
    restored(settings)
    later = topics.changelog_of(2)
    with provision.admin(settings) as client:
        state = provision.state_of(settings, later)
        wanted = {settings.topic(later.name): state}
        provision.apply(client, settings, provision.plan(wanted, {}))
    write(settings, enrolled("cleo"), 3, generation=2)
    key, value = generations.pointer(0, 2)
    one.write([Input(topics.GENERATIONS, key, value, partition=0)])

    assert restored(settings) == (None, {"cleo"}, {"payments": 3})


def test_a_checkpoint_that_tombstones_may_have_been_missed_since_is_dropped(
    one: Stream, tmp_path: Path
) -> None:
    settings = settings_of(one, tmp_path)
    write(settings, enrolled("ann"), 1)
    restored(settings)
    name = settings.topic(topics.CHANGELOG.name)
    set_config(one.bootstrap, ResourceType.TOPIC, name, {"delete.retention.ms": "1"})

    assert restored(settings) == (None, {"ann"}, {"payments": 1})


def test_a_folder_that_another_worker_uses_is_refused_by_name(one: Stream, tmp_path: Path) -> None:
    one.worker(**on_disk(tmp_path)).until_ready()

    with pytest.raises(StoreError, match=str(tmp_path)):
        restored(settings_of(one, tmp_path))


def test_what_the_other_kind_of_store_has_left_is_deleted(one: Stream, tmp_path: Path) -> None:
    variables = on_disk(tmp_path)
    first = one.worker(**variables | {"SESAME_STORE": "memory"}).until_ready()
    assert first.terminate() == 0
    assert [folder.name for folder in tmp_path.rglob("partition-*")] == ["partition-0.snapshot"]

    one.worker(**variables).until_ready()

    def kinds() -> list[str]:
        return sorted(folder.name for folder in tmp_path.rglob("*partition-0*"))

    until(lambda: kinds() == ["partition-0.rocksdb"], lambda: str(kinds()), _WAIT_S)
