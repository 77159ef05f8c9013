"""State outlives its worker: orderly stops, compacted changelogs, offsets that mislead."""

import time
from collections.abc import Iterator, Mapping

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from pipeline import topics
from pipeline.scoring.model import Model
from tests.integration.support.load import simulated
from tests.integration.support.replay import assert_as_replayed
from tests.integration.support.stream import Input, Stream, until
from tests.integration.support.tail import Tail

_COMPACTED_S = 240.0
_CONFIGURED_S = 60.0


@pytest.fixture
def population() -> list[list[Input]]:
    """The records of a small population in three parts."""
    opening, rest = simulated(people=100, events=7_000)
    third = len(rest) // 3
    return [[*opening, *rest[:third]], rest[third : 2 * third], rest[2 * third :]]


@pytest.fixture
def eager_cleaner(kafka: str) -> Iterator[None]:
    """Has the broker look for something to compact all the time, not every 15 s."""
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 0})
    brokers = [str(number) for number in admin.list_topics(timeout=_CONFIGURED_S).brokers]
    for broker in brokers:
        set_config(kafka, ResourceType.BROKER, broker, {"log.cleaner.backoff.ms": "200"})
    yield
    for broker in brokers:
        set_config(kafka, ResourceType.BROKER, broker, {"log.cleaner.backoff.ms": None})


def set_config(
    bootstrap: str, kind: ResourceType, name: str, values: Mapping[str, str | None]
) -> None:
    entries = [
        ConfigEntry(
            key,
            value,
            incremental_operation=(
                AlterConfigOpType.DELETE if value is None else AlterConfigOpType.SET
            ),
        )
        for key, value in values.items()
    ]
    resource = ConfigResource(kind, name, incremental_configs=entries)
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    for future in admin.incremental_alter_configs([resource]).values():
        future.result()
    asked = ConfigResource(kind, name)

    def is_in_force() -> bool:
        told = admin.describe_configs([asked])[asked].result()
        return all(value in (None, told[key].value) for key, value in values.items())

    # The broker goes by it some time after the controller has it.
    until(is_in_force, lambda: f"{name} has not {values}", _CONFIGURED_S)


def until_held(stream: Stream, state: Mapping[bytes, bytes]) -> None:
    """Return when the last worker tells of as many people as have a row."""
    people = sum(key.startswith(b"r") for key in state)
    stream.until(
        lambda: sum(stream.workers[-1].metrics().get("sesame_rows", {}).values()) == people
    )


def test_a_worker_goes_on_where_an_orderly_stop_left_off(
    stream: Stream, model: Model, population: list[list[Input]]
) -> None:
    first = stream.worker()
    stream.send(population[0])
    stream.until_applied()
    state, scores = stream.state(), stream.scores()
    assert first.terminate() == 0
    second = stream.worker().until_ready()
    until_held(stream, state)
    stream.until_applied()
    assert stream.state() == state
    assert stream.scores() == scores

    assert second.terminate() == 0
    stream.send(population[1])
    stream.worker()
    stream.send(population[2])
    stream.until_applied()

    assert_as_replayed(stream, model)


@pytest.mark.usefixtures("eager_cleaner")
def test_a_compacted_changelog_restores_the_same_state(
    stream: Stream, model: Model, population: list[list[Input]]
) -> None:
    first = stream.worker()
    stream.send(population[0])
    stream.until_applied()
    name = stream.prefix + topics.CHANGELOG.name
    often = {"segment.ms": "100", "min.cleanable.dirty.ratio": "0.001"}
    set_config(stream.bootstrap, ResourceType.TOPIC, name, often)
    stream.send(population[1])
    stream.until_applied()
    assert first.terminate() == 0
    written = len(stream.read(topics.CHANGELOG))
    kept = until_compacted(stream, written)

    stream.worker().until_ready()
    until_held(stream, stream.state())
    stream.send(population[2])
    stream.until_applied()

    assert kept < written
    assert_as_replayed(stream, model)


def until_compacted(stream: Stream, written: int) -> int:
    """Wait until much of the changelog is gone; the records left."""
    deadline = time.monotonic() + _COMPACTED_S
    while True:
        tail = Tail(stream.bootstrap, stream.prefix + topics.CHANGELOG.name, stream.partitions)
        left = len(tail.read())
        tail.close()
        if left < 0.8 * written:
            return left
        assert time.monotonic() < deadline, f"{left} of {written} records left"
        time.sleep(0.5)


def test_the_positions_count_and_not_the_groups_offsets(
    stream: Stream, model: Model, population: list[list[Input]]
) -> None:
    first = stream.worker()
    stream.send(population[0])
    stream.until_applied()
    assert first.terminate() == 0
    stream.send(population[1])
    mislead_the_group(stream)

    second = stream.worker().until_ready()
    stream.send(population[2])
    stream.until_applied()

    assert_as_replayed(stream, model)
    assert sum(second.metrics()["sesame_hole_records_total"].values()) > 0
    # Consents that are read in the middle of a hole do not break its reading off.
    assert "transaction failed" not in second.log


def mislead_the_group(stream: Stream) -> None:
    """Commit offsets for nobody: back to the start here, past what waits there."""
    ends: dict[tuple[str, int], int] = {}
    for placed in stream.placed:
        part = (stream.prefix + placed.topic.name, placed.record.partition)
        ends[part] = max(ends.get(part, 0), placed.record.offset + 1)
    offsets = [
        TopicPartition(name, number, end if number % 2 else 0)
        for (name, number), end in ends.items()
    ]
    group = stream.prefix + stream.settings.app_id
    admin = AdminClient({"bootstrap.servers": stream.bootstrap, "log_level": 0})

    def altered() -> bool:
        asked = [ConsumerGroupTopicPartitions(group, offsets)]
        answer = admin.alter_consumer_group_offsets(asked)[group].result()
        return all(part.error is None for part in answer.topic_partitions)

    until(altered, lambda: f"the group {group} still has members", 120)
