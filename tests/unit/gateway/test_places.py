"""Which partners can be shown something, and where their topics are read from."""

from pipeline.gateway import places
from pipeline.gateway.terms import Terms
from pipeline.streaming.position import Position
from tests.unit.gateway.world import BOTH

TERMS = Terms.of(BOTH)
BIKES, LOANS = "partner.bikes.scores", "partner.loans.scores"
IDS = {BIKES: "b1", LOANS: "l1"}


def known() -> Position:
    position = Position()
    places.know(position, IDS)
    return position


def test_topics_of_which_nothing_is_known_yet_are_taken_for_the_same() -> None:
    assert places.left_out(known(), TERMS, IDS) == frozenset()


def test_a_partner_whose_topic_is_missing_or_another_is_left_out() -> None:
    assert places.left_out(known(), TERMS, {BIKES: "b1"}) == {"loans"}
    assert places.left_out(known(), TERMS, IDS | {LOANS: "l2"}) == {"loans"}


def test_a_topic_that_was_never_there_leaves_its_partner_out() -> None:
    position = Position()
    places.know(position, {BIKES: "b1"})

    assert places.left_out(position, TERMS, {BIKES: "b1"}) == {"loans"}


def test_another_topic_takes_its_partner_up_again_and_a_missing_one_does_not() -> None:
    position = known()

    assert places.take_up(position, ["loans"], IDS | {LOANS: "l2"})
    assert places.left_out(position, TERMS, IDS | {LOANS: "l2"}) == frozenset()
    assert not places.take_up(position, ["loans"], {BIKES: "b1"})


def test_a_topic_that_comes_back_after_all_was_taken_back_is_filled_anew() -> None:
    position = known()
    places.take_up(position, ["loans"], {BIKES: "b1"})

    assert places.left_out(position, TERMS, IDS) == {"loans"}


def test_a_topic_made_anew_is_read_from_its_beginning_and_one_cut_short_from_its_end() -> None:
    position = Position({"partner.bikes.outcomes": 9, "partner.loans.outcomes": 9})

    places.begin_anew(position, "partner.bikes.outcomes", "b2", 0)
    places.begin_anew(position, "partner.loans.outcomes", "l1", 4)

    assert position.next_offset("partner.bikes.outcomes") == 0
    assert position.next_offset("partner.loans.outcomes") == 4
    assert Position.decode(position.encode()) == position
