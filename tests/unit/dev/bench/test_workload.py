import pytest

from pipeline import topics
from pipeline.codec.encode import decode_record
from pipeline.codec.registry import FileRegistry
from pipeline.dev.bench.workload import Workload

SMALL = Workload(people=50, events=6_000, seed=3)


def test_a_smaller_workload_has_as_many_events_for_each_person() -> None:
    smaller = Workload(10_000, 1_000_000, 1).scaled(20_000)
    assert (smaller.people, smaller.events, smaller.seed) == (200, 20_000, 1)
    assert Workload(10, 1_000_000, 1).scaled(100).people == 1


def test_consents_and_data_are_the_whole_history() -> None:
    registry = FileRegistry()
    consents = [r for chunk in SMALL.consents(registry).chunks() for r in chunk.records]
    data = [r for chunk in SMALL.data(registry).chunks() for r in chunk.records]
    assert {record.topic for record in consents} == {topics.CONSENTS}
    assert topics.CONSENTS not in {record.topic for record in data}
    assert len(data) == SMALL.data_events
    assert len(consents) + len(data) == len(SMALL.history)


def test_the_first_half_by_event_time_warms_up_and_the_rest_is_timed() -> None:
    registry = FileRegistry()
    records = list(SMALL.records(registry))
    assert len(records) == SMALL.warm_up_events + SMALL.timed_events
    assert SMALL.warm_up_events == pytest.approx(SMALL.timed_events, abs=1)
    times = [decode_record(r.value or b"", registry)["occurred_at"] for r in records]
    assert times == sorted(times)


def test_equal_workloads_give_the_same_bytes() -> None:
    again = Workload(SMALL.people, SMALL.events, SMALL.seed)
    one, two = (next(w.data(FileRegistry()).chunks()).records for w in (SMALL, again))
    assert one == two
