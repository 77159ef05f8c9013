import pytest

from pipeline.dev.bench.scale.found import Found, Run
from pipeline.dev.bench.scale.grid import Cell

MB = 1_000_000


def run(cell: Cell, ready_mb: float, peak_mb: float) -> Run:
    return Run(
        run=1,
        cell=cell,
        events=1_000,
        seconds=2.0,
        cpu_seconds=0.5,
        ready_rss_mb=ready_mb,
        peak_rss_mb=peak_mb,
        transactions=4,
        input_bytes=100_000,
        changelog_bytes=900,
        written={},
        positions={"records": 4, "key_bytes": 4, "value_bytes": 400},
    )


FOUND = Found(
    {2: 100.0, 8: 120.0},
    [
        run(Cell(1, 1_000, 8, 0.0), 130.0, 140.0),
        run(Cell(1, 10_000, 8, 0.0), 220.0, 320.0),
        run(Cell(1, 100_000, 8, 0.0), 670.0, 920.0),
        run(Cell(1, 10_000, 2, 0.0), 200.0, 300.0),
        run(Cell(2, 10_000, 8, 0.0), 340.0, 400.0),
        run(Cell(1, 100_000, 8, 1.2), 660.0, 700.0),
    ],
)


def summary(cell: Cell) -> dict[str, float]:
    names = ("workers", "people", "partitions", "skew")
    found: dict[str, float]
    (found,) = [
        each
        for each in FOUND.as_json()["summaries"]
        if tuple(each[name] for name in names)
        == (cell.workers, cell.people, cell.partitions, cell.skew)
    ]
    return found


def test_people_are_weighed_beside_an_empty_worker_of_as_many_partitions() -> None:
    assert summary(Cell(1, 10_000, 8, 0.0))["bytes_a_person"] == 100 * MB / 10_000
    assert summary(Cell(1, 10_000, 2, 0.0))["bytes_a_person"] == 100 * MB / 10_000
    assert summary(Cell(2, 10_000, 8, 0.0))["bytes_a_person"] == 100 * MB / 10_000


def test_what_each_more_adds_is_the_slope_from_the_cell_of_next_fewer_people() -> None:
    assert summary(Cell(1, 10_000, 8, 0.0))["bytes_each_more"] == 90 * MB / 9_000
    assert summary(Cell(1, 100_000, 8, 0.0))["bytes_each_more"] == pytest.approx(450 * MB / 90_000)
    for alone in (Cell(1, 1_000, 8, 0.0), Cell(1, 10_000, 2, 0.0), Cell(1, 100_000, 8, 1.2)):
        assert summary(alone)["bytes_each_more"] is None


def test_a_core_s_work_is_that_of_all_workers() -> None:
    told = summary(Cell(2, 10_000, 8, 0.0))
    assert told["events_per_second"] == 500
    assert told["events_per_cpu_second"] == 2_000
