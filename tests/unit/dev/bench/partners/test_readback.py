import pytest

from pipeline.dev.bench.partners.readback import Found, Phase
from pipeline.errors import SesameError
from pipeline.streaming.position import Position


def found(*moves: tuple[int, float, dict[str, int]]) -> Found:
    """Positions as they were written: partition, seconds since 1970, last applied offsets."""
    read = Found()
    for partition, at, applied in moves:
        read.add_position(partition, Position(applied), at)
    return read


MOVES = found(
    (0, 10.0, {"consents": 4}),
    (0, 11.0, {"consents": 9}),
    (1, 12.0, {"consents": 7}),
    (0, 13.0, {"consents": 9, "scores": 4}),
    (0, 14.0, {"consents": 9, "scores": 10}),
    (1, 15.0, {"consents": 7, "scores": 3}),
)


def test_a_phase_is_over_when_the_last_partition_has_applied_its_last_record() -> None:
    assert MOVES.followed_at(Phase("consents", 18, 9.0, {0: 10, 1: 8})) == 12.0
    assert MOVES.followed_at(Phase("scores", 9, 12.5, {0: 5, 1: 4})) == 15.0
    assert MOVES.transactions == 6


def test_a_partition_that_got_nothing_is_not_waited_for() -> None:
    assert MOVES.followed_at(Phase("consents", 10, 9.0, {0: 10})) == 11.0


def test_a_batch_that_goes_past_the_phase_ends_it() -> None:
    assert MOVES.followed_at(Phase("scores", 6, 12.5, {0: 7})) == 14.0


def test_a_phase_that_was_not_followed_to_its_end_is_told() -> None:
    with pytest.raises(SesameError, match="scores of partition 1 was not followed to 4"):
        MOVES.followed_at(Phase("scores", 9, 12.5, {0: 5, 1: 5}))
