"""What a gateway holds of a partition is the partition's, or it is dropped or refused."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from confluent_kafka import Producer, TopicPartition

from pipeline import settings, topics
from pipeline.codec.registry import FileRegistry
from pipeline.gateway import former
from pipeline.gateway.flow import GatewayFlow
from pipeline.gateway.reload import load_rules
from pipeline.gateway.rows import GRANT_ROW, GRANT_ROW_LAYOUT, PERSON_ROW, PERSON_ROW_LAYOUT
from pipeline.streaming.lane import Lane
from pipeline.streaming.position import Position
from pipeline.streaming.reader import PartitionReader
from pipeline.streaming.records import Header
from pipeline.streaming.transaction import TransactionalWriter, id_of
from pipeline.streaming.waiting import Taken
from tests.integration.support.gateway import KEY, SharedStream, outcome, score, scoring
from tests.integration.support.records import DAY_MS, NOW_MS
from tests.integration.support.stream import Input, until
from tests.integration.support.tail import Ends
from tests.integration.support.worker import WorkerProcess

FAILED = 1
PEOPLE = [f"person-{number}" for number in range(12)]
GRANT, PERSON = b"g", b"e"
FORMER: dict[bytes, tuple[np.dtype[np.void], np.dtype[np.void]]] = {
    GRANT: (GRANT_ROW, former.GRANT_ROW_1),
    PERSON: (PERSON_ROW, former.PERSON_ROW_1),
}
TODAY = {GRANT: GRANT_ROW_LAYOUT, PERSON: PERSON_ROW_LAYOUT}
_WAIT_S = 240.0


@dataclass(frozen=True)
class Fetched:
    """A record as a consumer gives it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...] = ()


@pytest.fixture
def one(kafka: str, topic_prefix: str, tmp_path: Path) -> Iterator[SharedStream]:
    """A stream of one partition with two partners."""
    stream = SharedStream(kafka, topic_prefix, tmp_path, 1)
    yield stream.create_topics()
    stream.close()


def state(stream: SharedStream) -> dict[bytes, tuple[int, bytes]]:
    """The changelog's last value by key, and its partition."""
    latest = {r.key or b"": (r.partition, r.value) for r in stream.read(topics.GATEWAY_CHANGELOG)}
    return {key: (number, value) for key, (number, value) in latest.items() if value is not None}


def rows(stream: SharedStream) -> dict[bytes, bytes]:
    return {key: value for key, (_, value) in state(stream).items() if key[:1] in FORMER}


def in_layout_1(key: bytes, value: bytes) -> bytes:
    """A row as the first layout had it."""
    dtype, first = FORMER[key[:1]]
    row, before = np.frombuffer(value, dtype)[0], np.zeros((), first)
    for name in first.names or ():
        before[name] = row[name]
    before["layout"] = 1
    return before.tobytes()


def scores(points: int, sequence: int) -> list[Input]:
    return [score(user, points, sequence) for user in PEOPLE]


def until_shown(stream: SharedStream, points: int) -> None:
    due = {partner: dict.fromkeys(subjects(stream, partner), points) for partner in stream.partners}
    stream.until(lambda: {p: stream.scores_shown(p) for p in stream.partners} == due)


def subjects(stream: SharedStream, partner: str) -> list[str]:
    return [stream.subject(user, partner) for user in PEOPLE]


def assert_sequences(stream: SharedStream, length: int) -> None:
    """Everybody was shown so many records, each once."""
    for partner in stream.partners:
        shown = stream.shown(partner)
        assert set(shown) == set(subjects(stream, partner))
        for seen in shown.values():
            assert [one and one["sequence"] for one in seen] == list(range(1, length + 1))


def contracts(stream: SharedStream) -> list[Any]:
    return [r.key for r in stream.read(topics.OBLIGATIONS)]


def test_a_gateway_takes_over_rows_of_the_first_layouts_and_writes_them_in_todays(
    shared: SharedStream,
) -> None:
    ends = NOW_MS + 30 * DAY_MS
    enrolled = [each for user in PEOPLE for each in shared.granted(user)]
    shared.send([*(scoring(user, expires_at=ends) for user in PEOPLE), *enrolled])
    shared.send(scores(660, 1))
    first = shared.gateway()
    until_shown(shared, 660)
    assert first.terminate() == 0
    before = rows(shared)
    assert {key[:1] for key in before} == {GRANT, PERSON}
    shared.write(
        Input(topics.GATEWAY_CHANGELOG, key, in_layout_1(key, value), partition=number)
        for key, (number, value) in state(shared).items()
        if key[:1] in FORMER
    )

    second = shared.gateway()
    shared.until(lambda: all(v[0] == TODAY[k[:1]] for k, v in rows(shared).items()))

    assert {k: in_layout_1(k, v) for k, v in rows(shared).items()} == {
        key: in_layout_1(key, value) for key, value in before.items()
    }
    shared.send(scores(670, 2))
    until_shown(shared, 670)
    assert_sequences(shared, 2)
    assert second.is_running


def test_a_gateway_that_slept_through_another_takes_up_where_that_one_stood(
    shared: SharedStream,
) -> None:
    shared.send([*shared.enrolled(PEOPLE), *scores(660, 1)])
    sleeper = shared.gateway().until_ready()
    until_shown(shared, 660)
    restored = sleeper.log.count("partition restored")
    sleeper.pause()

    other = shared.gateway().until_ready()
    until(lambda: len(other.partitions()) == 4, lambda: other.log, _WAIT_S)
    shared.send(scores(670, 2))
    shared.send([outcome("rental", shared.subject(user, "rental"), "c") for user in PEOPLE])
    until_shown(shared, 670)
    shared.until(lambda: len(contracts(shared)) == len(PEOPLE))
    other.kill()
    sleeper.go_on()
    shared.send(scores(680, 3))
    until_shown(shared, 680)

    assert sleeper.is_running
    assert sleeper.log.count("partition restored") >= restored + 4
    assert_sequences(shared, 3)
    assert len(contracts(shared)) == len(PEOPLE)


def test_a_row_of_a_newer_layout_ends_the_gateway_and_is_left_as_it_is(one: SharedStream) -> None:
    key = b"grental\0CAR_RENTAL_DEPOSIT\0ann"
    newer = bytes([9]) + bytes(GRANT_ROW.itemsize - 1)
    position = Position().encode()
    one.write(
        Input(topics.GATEWAY_CHANGELOG, name, value, partition=0)
        for name, value in ((b"p", position), (key, newer))
    )

    gateway = one.gateway()

    assert gateway.exit_status() == FAILED
    told = "gateway-changelog, partition 0, offset 1: grant row of layout 9, and this program knows"
    assert told in gateway.log
    assert "delete and make again gateway-changelog" in gateway.log
    assert "Traceback" not in gateway.log
    assert written(one) == 2


def written(stream: SharedStream) -> int:
    """How far the changelog goes, whether committed or not."""
    parts = [TopicPartition(stream.prefix + topics.GATEWAY_CHANGELOG.name, 0)]
    return Ends(stream.bootstrap).written(parts)[0]


def test_a_gateway_tells_of_the_partitions_it_owns_and_of_no_others(shared: SharedStream) -> None:
    first = shared.gateway().until_ready()
    shared.send([*shared.enrolled(PEOPLE), *scores(660, 1)])
    until_shown(shared, 660)

    second = shared.gateway().until_ready()

    def is_shared() -> bool:
        firsts, seconds = told_of(first), told_of(second)
        return len(firsts) == len(seconds) == 2 and firsts | seconds == {0, 1, 2, 3}

    until(is_shared, lambda: f"{told_of(first)} {told_of(second)}\n{second.log}", _WAIT_S)


def told_of(worker: WorkerProcess) -> set[int]:
    """The partitions that any of its metrics names."""
    return {
        int(number)
        for name, samples in worker.metrics().items()
        if name.startswith("sesame_")
        for labels in samples
        if (number := dict(labels).get("partition")) is not None
    }


def test_outcomes_that_a_hole_brings_wait_for_the_newest_consents(one: SharedStream) -> None:
    one.send(one.enrolled(["ann"]))
    inbox = [forwarded(one, "rental", f"contract-{number}", number) for number in range(2)]

    asyncio.run(apply_without_beginning(one, inbox[1:]))
    one.until_settled()

    assert contracts(one) == [b"ann", b"ann"]
    assert not one.read(topics.DEAD_LETTERS)


def forwarded(stream: SharedStream, partner: str, contract: str, offset: int) -> Fetched:
    """A report on its way to the person's partition, as it lies there and as it is fetched."""
    sent = outcome(partner, stream.subject("ann", partner), contract)
    headers = {"topic": sent.topic.name, "partition": 0, "offset": offset, "timestamp": NOW_MS}
    told = tuple((f"origin.{name}", str(value).encode()) for name, value in headers.items())
    producer = Producer({"bootstrap.servers": stream.bootstrap, "log_level": 0})
    name = stream.prefix + topics.GATEWAY_INBOX.name
    producer.produce(name, sent.value, sent.key, 0, headers=list(told))
    assert producer.flush(_WAIT_S) == 0
    return Fetched(offset, NOW_MS, sent.key, sent.value, told)


async def apply_without_beginning(stream: SharedStream, fetched: list[Fetched]) -> None:
    """Take the partition over and apply what the group brings: its offsets ran ahead."""
    current = settings.load(
        bootstrap=stream.bootstrap,
        topic_prefix=stream.prefix,
        partitions=1,
        partners_file=stream.registry,
        pseudonym_key=KEY,
    )
    flow = GatewayFlow(current, FileRegistry(), load_rules(current))
    writer, reader = TransactionalWriter(current, id_of(flow.group, 0)), PartitionReader(current)
    lane = Lane(current, flow, 0, lambda _: None)
    try:
        await writer.start()
        await reader.start()
        owned = await flow.take_over(0, writer, reader, lane, lambda: None, lambda: None)
        await owned.apply(Taken({topics.GATEWAY_INBOX.name: list(fetched)}))
    finally:
        await writer.stop()
        await reader.stop()
