from dataclasses import replace

import pytest

from pipeline.dev.bench.scale.measured import Measured
from pipeline.dev.bench.sizing import Assumed, Line, lines
from pipeline.dev.bench.sizing_page import page

MEASURED = Measured(
    people=1_000_000,
    backlog_events=100_000,
    live_events=None,
    input_bytes=150,
    output_bytes=900,
    change_bytes=100,
    signal_bytes=10,
    score_bytes=200,
    journal_bytes=250,
    position_bytes=150,
    person_bytes=1_500,
    each_more_bytes=1_400,
    work_bytes=500_000_000,
    state_bytes=900,
    empty_bytes=200_000_000,
)
ALONE = Assumed(standby_copies=0)


def by_name(people: int, measured: Measured = MEASURED, a: Assumed = ALONE) -> dict[str, Line]:
    return {line.name: line for line in lines(people, measured, a)}


def test_rates_follow_from_people_and_their_events() -> None:
    told = by_name(86_400_000)
    assert told["events/s, mean"].value == pytest.approx(2_000)
    assert told["events/s, peak"].value == pytest.approx(10_000)
    assert told["worker cores"].value == pytest.approx(10_000 / 50_000)


def test_a_transaction_is_of_one_event_until_lanes_commit_as_often_as_they_can() -> None:
    few, many = by_name(864_000), by_name(864_000_000)
    assert few["transactions/s, peak"].value == pytest.approx(few["events/s, peak"].value)
    partitions = many["partitions of each topic"].value
    assert many["transactions/s, peak"].value == 50 * partitions < many["events/s, peak"].value


def test_the_network_carries_events_what_is_written_for_them_and_the_transactions() -> None:
    told = by_name(86_400_000)
    commits = told["transactions/s, peak"].value
    written = 10_000 * 900 + commits * (250 + 150)
    assert told["into the brokers"].value == pytest.approx(10_000 * 150 / 1e6)
    assert told["written by workers"].value == pytest.approx(written / 1e6)
    assert told["written by all brokers"].value == pytest.approx(3 * (10_000 * 150 + written) / 1e6)


def test_cores_are_for_the_load_at_which_an_event_costs_most() -> None:
    dearer = by_name(86_400_000, replace(MEASURED, live_events=40_000))
    cheaper = by_name(86_400_000, replace(MEASURED, live_events=400_000))
    assert dearer["worker cores"].value == pytest.approx(10_000 / 20_000)
    assert cheaper["worker cores"].value == pytest.approx(10_000 / 50_000)


def test_memory_calls_for_workers_where_cores_do_not() -> None:
    told = by_name(100_000_000)
    assert told["state in memory"].value == pytest.approx(150)
    # 150 GB in workers of 16 GB, filled to 70 %, 0.7 GB of each taken by itself and its work.
    assert told["workers"].value == 15
    # At most a million people a partition: 100 partitions, rounded up to a power of two.
    assert told["partitions of each topic"].value == 128


def test_a_warm_copy_of_everybody_takes_as_much_memory_again() -> None:
    told = by_name(100_000_000, a=Assumed(standby_copies=1))
    assert told["state in memory"].value == pytest.approx(300)
    assert told["workers"].value == 29


def test_few_people_still_have_a_second_worker_and_a_copy_of_everything() -> None:
    told = by_name(1_000)
    assert told["workers"].value == 2
    assert told["brokers"].value == 3
    assert told["partitions of each topic"].value == 8


def test_disk_is_what_each_topic_keeps_with_its_copies() -> None:
    people, a_day = 1_000_000, 2_000_000
    # Fewer events a second than lanes can commit: the journal has a record of each.
    kept_days = a_day * (7 * 150 + 90 * 100 + 1 * 10 + 7 * 250)
    state = people * (900 + 200) * 2
    told = by_name(people)
    assert told["disk of all brokers"].value == pytest.approx(3 * (kept_days + state) / 1e12)


def test_without_a_run_the_page_says_so() -> None:
    assert "No run of `sesame bench --scale` is recorded" in page(None)
