from pathlib import Path

import pytest

from pipeline import settings
from pipeline.dev.bench.scale.grid import Cell, Grid
from pipeline.dev.bench.scale.measure import Plan, measure
from pipeline.dev.bench.systems import Bench
from pipeline.dev.bench.workload import Workload
from tests.integration.dev.bench.commands import topics_left

pytestmark = pytest.mark.slow


def test_a_cell_of_the_grid_is_measured_over_all_its_workers(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    notes: list[str] = []
    prepared = Bench(settings.load(partitions=2), tmp_path, lambda _: None, notes.append)
    grid = Grid(Cell(2, 2_000, 2, 0.0), [2], [2_000], [2], [0.0, 1.2])
    told = measure(prepared, Plan(Workload(60, 6_000, 1), grid, 6_000, 1)).as_json()
    assert [run["cell"]["skew"] for run in told["runs"]] == [0.0, 1.2]
    for each in told["runs"]:
        assert each["events"] == 6_000
        assert each["input_bytes"] > 6_000 * 50
        assert each["changelog_bytes"] > 2_000 * 300
        assert each["cpu_seconds"] > 0
        # Two workers hold more than one without people does.
        assert each["peak_rss_mb"] >= each["ready_rss_mb"] > 1.5 * told["empty_rss_mb"]["2"]
        assert each["written"]["factor-state-journal"]["records"] == each["transactions"] > 0
        assert each["positions"]["records"] == each["transactions"]
        for volume in each["written"].values():
            assert 0 < volume["key_bytes"] < volume["value_bytes"]
    # Few people of many events: fewer rows to write for as many events.
    even, skewed = (run["written"]["factor-state-changelog"]["records"] for run in told["runs"])
    assert 0 < skewed < even
    assert [note.partition(":")[0] for note in notes] == [
        f"round 1 of 1, cell {turn} of 2, 2 workers, 2,000 people, 2 partitions, skew {skew}"
        for turn, skew in ((1, "0"), (2, "1.2"))
    ]
    assert topics_left(kafka, topic_prefix) == []
