import pytest
from kafka.partitioner.default import murmur2

from pipeline import settings
from pipeline.dev.bench import population
from pipeline.dev.bench.workload import Workload
from pipeline.streaming import changelog
from pipeline.streaming.store import PartitionStore

PARTITIONS = 4


@pytest.fixture(scope="module")
def replay() -> population.Replay:
    return population.fold(Workload(60, 7_000, 5), settings.load())


def test_everybody_enrolled_has_a_row_with_what_was_published(replay: population.Replay) -> None:
    users = [user for chunk in replay.store.chunks(1_000) for user in chunk]
    rows = replay.store.gather(users).rows
    assert 40 < len(users) <= 60
    assert (rows["published"]["sequence"] > 0).all()
    assert (rows["published"]["score"] > 0).sum() > 30
    assert rows["linked_peers"].sum() > 0


def test_a_copy_restores_to_the_original_state(replay: population.Replay) -> None:
    originals = population.templates(replay.store)
    ((entries,),) = population.copies(originals, len(originals), partitions=1)
    restored = PartitionStore()
    changelog.apply(restored, entries)
    users = [original.user.decode() for original in originals]
    was, now = replay.store.gather(users), restored.gather([f"{user}-0" for user in users])
    assert now.rows.tobytes() == was.rows.tobytes()
    assert now.ledgers.tobytes() == was.ledgers.tobytes()
    assert (now.contracts, now.links) == (was.contracts, was.links)


def test_as_many_people_as_asked_each_in_the_partition_of_the_key(
    replay: population.Replay,
) -> None:
    originals = population.templates(replay.store)
    people: set[bytes] = set()
    for by_partition in population.copies(originals, 150, PARTITIONS):
        for number, entries in enumerate(by_partition):
            for key, value in entries:
                assert (murmur2(key[1:]) & 0x7FFFFFFF) % PARTITIONS == number
                assert value
                people.add(key[1:])
    assert people == {population.name_of(originals, number) for number in range(150)}
    assert len(people) == 150


def test_nobody_is_due_for_a_sweep_after_a_restore(replay: population.Replay) -> None:
    position = population.swept(replay.position)
    assert position.watermark_ms == replay.position.watermark_ms > 0
    assert position.swept_month == (2025 - 1970) * 12 + 9
    assert position.applied == {}
