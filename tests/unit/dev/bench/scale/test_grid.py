from itertools import pairwise

from pipeline.dev.bench.scale.grid import Cell, Grid


def test_one_dimension_is_varied_at_a_time() -> None:
    grid = Grid.up_to(workers=4, people=1_000_000, partitions=64)
    middle = Cell(1, 100_000, 8, 0.0)
    cells = grid.cells()
    assert cells[0] == middle
    assert len(set(cells)) == len(cells)
    for cell in cells[1:]:
        same = (
            cell.workers == middle.workers,
            cell.people == middle.people,
            cell.partitions == middle.partitions,
            cell.skew == middle.skew,
        )
        assert same.count(False) == 1
    assert {c.workers for c in cells} == {1, 2, 4}
    assert {c.people for c in cells} == {10_000, 100_000, 1_000_000}
    assert {c.partitions for c in cells} == {1, 4, 8, 16, 64}


def test_cells_of_the_same_events_come_one_after_the_other() -> None:
    cells = Grid.up_to(workers=4, people=1_000_000, partitions=64).cells()
    alike = [(cell.people, cell.skew) for cell in cells]
    changed = sum(1 for one, next_one in pairwise(alike) if one != next_one)
    assert changed + 1 == len(set(alike))


def test_a_small_grid_stays_small() -> None:
    cells = Grid.up_to(workers=1, people=2_000, partitions=2).cells()
    assert {c.people for c in cells} == {2_000}
    assert {c.partitions for c in cells} == {1, 2}
    assert {c.workers for c in cells} == {1}
