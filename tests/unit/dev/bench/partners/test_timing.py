import pytest

from pipeline.dev.bench.partners.timing import WARM_UP, WrongDecisionError, timed
from pipeline.partners.vocabulary import Outcome

ADMITTED = {"ann": True, "bob": False}


def as_shown(subject: str) -> Outcome:
    return Outcome.DEPOSIT_WAIVED if ADMITTED[subject] else Outcome.DEPOSIT_REQUIRED


def test_decisions_after_the_warm_up_are_timed_and_all_are_counted() -> None:
    found = timed(as_shown, ["ann"] * WARM_UP + ["ann", "bob", "bob"], ADMITTED)
    assert len(found.seconds) == 3
    assert all(seconds > 0 for seconds in found.seconds)
    assert found.outcomes == {"DEPOSIT_WAIVED": WARM_UP + 1, "DEPOSIT_REQUIRED": 2}
    assert {type(name) for name in found.outcomes} == {str}


@pytest.mark.parametrize(
    ("outcome", "subject", "shown"),
    [(Outcome.DEPOSIT_WAIVED, "bob", "NO"), (Outcome.DEPOSIT_REQUIRED, "ann", "YES")],
)
def test_a_decision_against_what_was_shown_is_told(
    outcome: Outcome, subject: str, shown: str
) -> None:
    with pytest.raises(WrongDecisionError, match=f"{outcome} for a subject of whom {shown}"):
        timed(lambda _: outcome, [subject], ADMITTED)
