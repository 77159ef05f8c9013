import numpy as np

from pipeline.factors.layout import FACTOR_ROW_LAYOUT, LEDGER_ROW_LAYOUT
from pipeline.factors.state import BatchState
from pipeline.replay.carry import carry
from pipeline.replay.live import SCORED, THIN_FILE, Told
from pipeline.streaming.store import PartitionStore


def store(**published: tuple[int, int, int]) -> PartitionStore:
    """People with the sequence, score and status that was published of them."""
    state = BatchState.empty(list(published))
    state.rows["layout"], state.ledgers["layout"] = FACTOR_ROW_LAYOUT, LEDGER_ROW_LAYOUT
    for i, (sequence, score, status) in enumerate(published.values()):
        state.rows["published"]["sequence"][i] = sequence
        state.rows["published"]["score"][i] = score
        state.rows["published"]["status"][i] = status
        state.rows["published"]["explanation"][i] = 77 if sequence else 0
    made = PartitionStore()
    made.scatter(state, range(len(published)))
    return made


def published(made: PartitionStore, user: str) -> tuple[int, int, int, int]:
    row = made.gather([user]).rows["published"][0]
    return tuple(int(row[name]) for name in ("sequence", "score", "status", "explanation"))  # type: ignore[return-value]


def test_what_was_told_is_carried_over_whole_and_only_once() -> None:
    live = store(ann=(4, 650, SCORED), ben=(1, 0, THIN_FILE))
    told = {"ann": Told(4, 650, SCORED), "ben": Told(1, 0, THIN_FILE)}
    built = store(ann=(0, 0, 0), ben=(0, 0, 0))
    assert carry(built, live, told, ["ann", "ben", "nobody"]) == ["ann", "ben"]
    assert published(built, "ann") == (4, 650, SCORED, 77)
    assert published(built, "ben") == (1, 0, THIN_FILE, 77)
    assert carry(built, live, told, ["ann", "ben"]) == []


def test_where_a_live_row_lies_about_what_was_told_the_next_number_tells_it_anew() -> None:
    live = store(ann=(9, 650, SCORED), ben=(2, 700, SCORED), cem=(3, 0, SCORED))
    told = {
        "ann": Told(4, 650, SCORED),
        "ben": Told(2, 600, SCORED),
        "cem": Told(3, 0, THIN_FILE),
    }
    built = store(ann=(0, 0, 0), ben=(0, 0, 0), cem=(0, 0, 0))
    carry(built, live, told, told)
    assert published(built, "ann") == (4, 0, 0, 0)
    assert published(built, "ben") == (2, 0, 0, 0)
    assert published(built, "cem") == (3, 0, 0, 0)


def test_somebody_whose_live_row_is_lost_goes_on_in_the_sequence_that_was_told() -> None:
    built = store(ann=(0, 0, 0))
    carry(built, store(), {"ann": Told(12, 500, SCORED)}, ["ann"])
    assert published(built, "ann") == (12, 0, 0, 0)


def test_after_an_erasure_numbers_begin_anew() -> None:
    built = store(ann=(0, 0, 0), ben=(0, 0, 0))
    carry(built, store(ann=(7, 700, SCORED)), {"ann": None}, ["ann", "ben"])
    assert published(built, "ann") == (0, 0, 0, 0)
    assert published(built, "ben") == (0, 0, 0, 0)


def test_nothing_but_what_was_published_changes() -> None:
    built, live = store(ann=(0, 0, 0)), store(ann=(1, 400, SCORED))
    before = built.gather(["ann"])
    carry(built, live, {"ann": Told(1, 400, SCORED)}, ["ann"])
    after = built.gather(["ann"])
    after.rows["published"] = before.rows["published"]
    assert np.array_equal(after.rows, before.rows)
    assert np.array_equal(after.ledgers, before.ledgers)
