import dataclasses

from pipeline.partners.answers import DayAnswers
from pipeline.partners.decision import Decision, decide
from pipeline.partners.registry import Policy
from pipeline.partners.vocabulary import Disclosure, Fallback, Purpose
from pipeline.topics import DAY_MS
from tests.unit.partners.seen import seen

NOON_MS = 20_000 * DAY_MS + DAY_MS // 2
POLICY = Policy(
    "car-rental", "Car rental", Purpose.CAR_RENTAL_DEPOSIT, 650, Disclosure.BAND, Fallback.DEPOSIT
)
FIRST = decide(seen("ann"), POLICY, {})


def other(number: int) -> Decision:
    return dataclasses.replace(FIRST, as_of_ms=number)


def test_the_first_answer_of_the_day_is_repeated_beyond_the_limit() -> None:
    answers = DayAnswers(3)
    given = [answers.answer("ann", "P", other(number), NOON_MS) for number in range(5)]

    assert given == [other(0), other(1), other(2), other(0), other(0)]
    assert answers.repeated == 2


def test_the_next_utc_day_starts_anew() -> None:
    answers = DayAnswers(1)
    answers.answer("ann", "P", other(0), NOON_MS)
    midnight_ms = NOON_MS + DAY_MS // 2

    assert answers.answer("ann", "P", other(1), midnight_ms - 1) == other(0)
    assert answers.answer("ann", "P", other(2), midnight_ms) == other(2)


def test_each_person_and_purpose_has_a_limit_of_its_own() -> None:
    answers = DayAnswers(1)
    answers.answer("ann", "P", other(0), NOON_MS)

    assert answers.answer("ben", "P", other(1), NOON_MS) == other(1)
    assert answers.answer("ann", "Q", other(2), NOON_MS) == other(2)
