"""What a dead letter's headers say."""

import pytest

from pipeline.deadletters.letter import (
    CHAIN_MAX,
    UNKNOWN,
    Earlier,
    Place,
    carried,
    read_letter,
    redrive_headers,
)
from tests.unit.deadletters.posts import FAILED_AT_MS, Consumed, letter


def test_a_letter_says_where_its_record_was_and_why_it_was_refused() -> None:
    found = letter()
    assert (found.topic, found.partition, found.offset) == ("x.payments", 1, 77)
    assert (found.reason, found.error) == ("INVALID", "currency is 'euro'")
    assert found.failed_at_ms == FAILED_AT_MS
    assert found.place == Place(1, 5)
    assert found.earlier is None


def test_a_letter_without_headers_is_a_letter_of_nowhere() -> None:
    found = read_letter(Consumed())
    assert (found.topic, found.reason, found.error) == ("", "", "")
    assert found.partition == found.offset == found.failed_at_ms == UNKNOWN


def test_of_a_repeated_header_the_first_counts() -> None:
    headers: list[tuple[str, bytes | None]] = [("dlq.reason", b"DECODE"), ("dlq.reason", b"FUTURE")]
    assert read_letter(Consumed(headers=headers)).reason == "DECODE"


@pytest.mark.parametrize("text", ["", "-1", "1e3", "٣", "9" * 19, " 7", "0x1"])
def test_what_is_no_number_is_unknown(text: str) -> None:
    assert letter(partition=text).partition == UNKNOWN


@pytest.mark.parametrize("text", ["", "3", "@", "3@", "@4", "3@4@5", "03@4", "-3@4", "3@٤", "3 @4"])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no PARTITION@OFFSET"):
        Place.parse(text)


@pytest.mark.parametrize(
    ("key", "value", "reason", "error", "kept"),
    [
        (b"k", b"v", "INVALID", "", True),
        (b"k", None, "WIRE_FORMAT", "no value", True),
        (None, None, "WIRE_FORMAT", "no value", True),
        (None, b"v", "KEY_MISMATCH", "no key", True),
        (None, None, "INVALID", "bad; its 9 bytes are too many to be kept here", False),
        (None, None, "DECODE", "e" * 1_000, False),
        (None, None, "WIRE_FORMAT", "x; its 9 bytes are too many to be kept here", False),
    ],
)
def test_a_letter_knows_whether_its_bytes_are_here(
    key: bytes | None, value: bytes | None, reason: str, error: str, kept: bool
) -> None:
    assert letter(key=key, value=value, reason=reason, error=error).is_kept is kept


def test_a_record_that_goes_back_names_its_letter() -> None:
    assert redrive_headers(letter(), "x.dead-letters", 123) == [
        ("redrive.topic", b"x.dead-letters"),
        ("redrive.partition", b"1"),
        ("redrive.offset", b"5"),
        ("redrive.count", b"1"),
        ("redrive.at", b"123"),
        ("redrive.chain", b"1@5"),
    ]


def test_a_record_that_goes_back_again_and_again_names_its_newest_letters() -> None:
    more: dict[str, str] = {}
    for offset in range(40):
        found = letter(at=offset, more=more)
        headers = redrive_headers(found, "x.dead-letters", offset)
        more = {name: value.decode() for name, value in carried(headers)}
    last = letter(at=40, more=more).earlier
    chain = tuple(Place(1, offset) for offset in range(40 - CHAIN_MAX, 40))
    assert last == Earlier("x.dead-letters", Place(1, 39), 40, 39, chain)


def test_a_forged_chain_leaves_the_letter_that_the_headers_name() -> None:
    forged = {"redrive.partition": "2", "redrive.offset": "3", "redrive.count": "4"}
    found = letter(more=forged | {"redrive.chain": "1@1 x@y"}).earlier
    assert found is not None
    assert (found.chain, found.at_ms) == ((Place(2, 3),), UNKNOWN)
    assert letter(more=forged | {"redrive.count": "0"}).earlier is None
    assert letter(more=forged | {"redrive.offset": "-3"}).earlier is None


def test_only_short_headers_of_known_names_are_carried_on() -> None:
    headers = [
        ("redrive.at", b"1"),
        ("redrive.at", b"2"),
        ("redrive.count", None),
        ("redrive.chain", b"1@2 " * 1_000),
        ("redrive.other", b"x"),
        ("dlq.reason", b"FUTURE"),
    ]
    assert carried(headers) == (("redrive.at", b"1"),)
