from typing import Any

import pytest

from pipeline.dev.bench.sizing import Assumed, Line, Measured, lines
from pipeline.dev.bench.sizing_page import page

MEASURED = Measured(
    people=1_000_000,
    events_per_cpu_second=100_000,
    input_bytes=150,
    output_bytes=900,
    change_bytes=100,
    person_bytes=1_500,
    state_bytes=900,
    empty_bytes=200_000_000,
)


def by_name(people: int) -> dict[str, Line]:
    return {line.name: line for line in lines(people, MEASURED, Assumed())}


def test_rates_follow_from_people_and_their_events() -> None:
    told = by_name(86_400_000)
    assert told["events/s, mean"].value == pytest.approx(2_000)
    assert told["events/s, peak"].value == pytest.approx(10_000)
    assert told["worker cores"].value == pytest.approx(10_000 / 50_000)
    assert told["into the brokers"].value == pytest.approx(10_000 * 150 / 1e6)
    assert told["written by workers"].value == pytest.approx(10_000 * 900 / 1e6)
    assert told["written by all brokers"].value == pytest.approx(10_000 * 1_050 * 3 / 1e6)


def test_memory_calls_for_workers_where_cores_do_not() -> None:
    told = by_name(100_000_000)
    assert told["state in memory"].value == pytest.approx(150)
    # 150 GB in workers of 16 GB, 0.2 GB of each taken by itself.
    assert told["workers"].value == 10
    # At most a million people a partition: 100 partitions, rounded up to a power of two.
    assert told["partitions of each topic"].value == 128


def test_few_people_still_have_a_second_worker_and_a_copy_of_everything() -> None:
    told = by_name(1_000)
    assert told["workers"].value == 2
    assert told["brokers"].value == 3
    assert told["partitions of each topic"].value == 8


def test_disk_is_inputs_changes_and_state_with_their_copies() -> None:
    people, days = 1_000_000, 86_400 * 2 * 1_000_000 / 86_400
    inputs, changes = days * 7 * 150, days * 90 * 100
    told = by_name(people)
    state = people * 900 * 2
    assert told["disk of all brokers"].value == pytest.approx(3 * (inputs + changes + state) / 1e12)


def run(people: int, changes: int) -> dict[str, Any]:
    return {
        "cell": {"people": people},
        "events": 1_000,
        "input_bytes": 140_000,
        "changelog_bytes": 900 * people,
        "written": {
            "score-changes": {"records": 9, "value_bytes": changes},
            "factor-state-changelog": {"records": 9, "value_bytes": 500_000},
        },
    }


def test_what_is_measured_is_of_the_cell_with_most_people() -> None:
    result = {
        "empty_rss_mb": 210.0,
        "runs": [run(10, 1), run(5_000, 50_000), run(5_000, 70_000)],
        "summaries": [
            {"people": 10, "events_per_cpu_second": 1.0, "bytes_a_person": 1.0},
            {"people": 5_000, "events_per_cpu_second": 90_000.0, "bytes_a_person": 1_400.0},
        ],
    }
    measured = Measured.of(result)
    assert measured.people == 5_000
    assert measured.events_per_cpu_second == 90_000
    assert measured.input_bytes == 140
    assert measured.change_bytes == 60
    assert measured.output_bytes == 560
    assert measured.state_bytes == 900
    assert measured.empty_bytes == 210e6


def test_without_a_run_the_page_says_so() -> None:
    assert "No run of `sesame bench --scale` is recorded" in page(None)
