"""Marks of redriven letters."""

import pytest

from pipeline.deadletters.marks import UNREADABLE, Mark, decode_mark
from tests.unit.deadletters.posts import FAILED_AT_MS, letter

MARK = Mark(9, 1, "x.payments", 1, 44, FAILED_AT_MS, fixed=True, forced=False)


def test_a_mark_is_read_as_it_was_written() -> None:
    assert decode_mark(MARK.encode()) == MARK


@pytest.mark.parametrize("value", [b"", b"{}", b"[]", b'{"at_ms": 1}', b"\xff", b"null"])
def test_a_mark_of_another_form_is_a_mark_of_whatever_letter_is_there(value: bytes) -> None:
    assert decode_mark(value) is UNREADABLE
    assert UNREADABLE.is_of(letter())


def test_a_mark_is_of_its_letter_and_of_no_later_one_at_the_same_place() -> None:
    assert MARK.is_of(letter())
    assert not MARK.is_of(letter(failed_at=FAILED_AT_MS + 1))
