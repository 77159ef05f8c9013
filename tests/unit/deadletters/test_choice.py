"""Which letters a filter leaves, and which offsets have to be read for it."""

import pytest

from pipeline.deadletters.choice import Choice
from pipeline.deadletters.letter import Place
from tests.unit.deadletters.posts import FAILED_AT_MS, letter


@pytest.mark.parametrize(
    "choice",
    [
        Choice(),
        Choice(places=frozenset({Place(1, 5), Place(9, 9)})),
        Choice(records=frozenset({Place(1, 77)})),
        Choice(topics=frozenset({"x.payments", "x.consents"})),
        Choice(reasons=frozenset({"INVALID"})),
        Choice(partition=1, from_offset=5, to_offset=5),
        Choice(since_ms=FAILED_AT_MS, until_ms=FAILED_AT_MS + 1),
        Choice(key=b"ann"),
        Choice(error="CURRENCY"),
    ],
)
def test_what_every_filter_names_is_chosen(choice: Choice) -> None:
    assert choice.admits(letter())


@pytest.mark.parametrize(
    "choice",
    [
        Choice(places=frozenset({Place(1, 4), Place(1, 6)})),
        Choice(records=frozenset({Place(1, 5)})),
        Choice(topics=frozenset({"payments"})),
        Choice(reasons=frozenset({"DECODE"})),
        Choice(partition=2),
        Choice(from_offset=6),
        Choice(to_offset=4),
        Choice(since_ms=FAILED_AT_MS + 1),
        Choice(until_ms=FAILED_AT_MS),
        Choice(key=b"an"),
        Choice(key=b""),
        Choice(error="amount"),
        Choice(key=b"ann", error="amount"),
    ],
)
def test_what_one_filter_does_not_name_is_not_chosen(choice: Choice) -> None:
    assert not choice.admits(letter())


def test_only_offsets_that_can_be_chosen_are_read() -> None:
    held = range(10, 20)
    assert Choice().span(0, held) == held
    assert Choice(from_offset=12, to_offset=14).span(0, held) == range(12, 15)
    assert Choice(from_offset=3, to_offset=99).span(0, held) == held
    assert not Choice(partition=1).span(0, held)
    assert not Choice(from_offset=14, to_offset=12).span(0, held)
    places = Choice(places=frozenset({Place(0, 11), Place(0, 17), Place(1, 2)}))
    assert places.span(0, held) == range(11, 18)
    assert not places.span(2, held)
