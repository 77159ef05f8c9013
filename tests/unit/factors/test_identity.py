import math

import pytest

from pipeline.factors.fold import BatchState, Outcome
from pipeline.factors.vocabulary import Attribute, AttributeStatus
from pipeline.reference.events import Profile
from tests.unit.factors.people import at, enrolled, fold, month, outcomes, value

VERIFIED, CHANGED, REMOVED = AttributeStatus


def word(
    day: str, status: AttributeStatus, since: str | None = None, what: Attribute = Attribute.ADDRESS
) -> Profile:
    return Profile(
        user="ann",
        at_ms=at(day),
        kafka_ms=at(day),
        id_hash=1,
        attribute=what,
        status=status,
        since_ms=None if since is None else at(since),
    )


def since(state: BatchState, what: Attribute = Attribute.ADDRESS) -> int:
    return int(state.rows["attribute_since"][0, what])


@pytest.mark.parametrize("attribute", Attribute)
def test_each_attribute_has_a_bit_and_a_month_of_its_own(attribute: Attribute) -> None:
    state = enrolled()
    fold(state, word("2026-03-10", VERIFIED, what=attribute))
    assert state.rows["attribute_verified"][0] == 1 << attribute
    assert since(state, attribute) == month("2026-03")
    assert value(state, "attributes_verified", "2026-03") == 1


def test_an_address_holds_since_the_given_time_not_since_it_was_verified() -> None:
    state = enrolled()
    fold(state, word("2026-03-10", VERIFIED, since="2020-03-15"))
    assert value(state, "months_at_address", "2026-03") == 72


def test_a_change_of_address_starts_afresh_and_is_not_verified() -> None:
    state = enrolled()
    fold(state, word("2026-03-10", VERIFIED, since="2020-03-15"), word("2026-03-20", CHANGED))
    assert value(state, "months_at_address", "2026-05") == 2
    assert value(state, "attributes_verified", "2026-05") == 0


def test_a_removed_attribute_is_unknown() -> None:
    state = enrolled()
    fold(state, word("2026-03-10", VERIFIED), word("2026-03-20", REMOVED))
    assert since(state) == 0
    assert math.isnan(value(state, "months_at_address", "2026-05"))


@pytest.mark.parametrize("order", [1, -1])
def test_the_newest_word_decides_and_of_the_same_time_the_stronger_status(order: int) -> None:
    words = [
        word("2026-03-10", VERIFIED, since="2010-01-01"),
        word("2026-03-10", CHANGED, since="2015-01-01"),
        word("2026-03-01", REMOVED),
    ]
    state = enrolled()
    fold(state, *words[::order])
    assert since(state) == month("2015-01")
    assert state.rows["attribute_verified"][0] == 0


def test_an_attribute_older_than_1970_is_known_and_old() -> None:
    state = enrolled()
    fold(state, word("2026-03-10", VERIFIED, since="1961-05-05"))
    assert value(state, "months_at_address", "2026-03") == month("2026-03") - 1


def test_a_time_in_the_future_is_no_negative_age() -> None:
    state = enrolled()
    fold(state, word("2026-03-10", VERIFIED, since="2027-01-01"))
    assert value(state, "months_at_address", "2026-03") == 0


def test_a_profile_word_may_come_too_late() -> None:
    state = enrolled()
    late = word("2026-02-01", VERIFIED, what=Attribute.PHONE)
    assert outcomes(fold(state, word("2026-03-10", VERIFIED), late)) == [
        Outcome.APPLIED,
        Outcome.TOO_LATE,
    ]
    assert math.isnan(value(state, "months_with_phone", "2026-03"))
