"""Letters hold whatever producers sent: nothing of it may stop who looks at them."""

import json
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from pipeline.codec.registry import FileRegistry
from pipeline.deadletters.choice import Choice
from pipeline.deadletters.letter import Letter, Place, carried, read_letter, redrive_headers
from pipeline.deadletters.marks import decode_mark
from pipeline.deadletters.policy import Outgoing, judge, outgoing
from pipeline.deadletters.shown import Shower, printable

NAMES = [
    *(f"dlq.{n}" for n in ("topic", "partition", "offset", "reason", "error", "failed_at")),
    *(f"redrive.{n}" for n in ("topic", "partition", "offset", "count", "at", "chain")),
]
USUAL = [b"payments", b"3", b"partner.a.outcomes", b"INVALID", b"TOO_LATE", b"1@2 3@4", b"-1"]


@dataclass(frozen=True)
class Consumed:
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


TEXTS = st.none() | st.sampled_from(USUAL) | st.binary(max_size=30)
VALUES = st.none() | st.binary(max_size=60) | st.binary(max_size=60).map(b"\0\0\0\0\2".__add__)
RECORDS = st.builds(
    Consumed,
    st.integers(0, 9),
    st.integers(0, 9),
    st.none() | st.binary(max_size=9),
    VALUES,
    st.lists(st.tuples(st.sampled_from(NAMES) | st.text(max_size=9), TEXTS), max_size=16),
)
LETTERS = RECORDS.map(read_letter)
PLACES = st.frozensets(st.builds(Place, st.integers(0, 9), st.integers(0, 9)), max_size=4)
OFFSETS = st.none() | st.integers(0, 9)
CHOICES = st.builds(
    Choice, places=PLACES, partition=OFFSETS, from_offset=OFFSETS, to_offset=OFFSETS
)


@given(LETTERS)
def test_any_letter_is_shown_as_json_and_judged(letter: Letter) -> None:
    registry = FileRegistry()
    json.dumps(Shower(registry).show(letter, None))
    record = outgoing(letter, "")
    if isinstance(record, Outgoing):
        judge(record, registry, 1_800_000_000_000, force=False)


@given(LETTERS)
def test_what_a_redriven_record_carries_is_read_from_the_letter_it_comes_back_as(
    letter: Letter,
) -> None:
    headers = carried(redrive_headers(letter, "dead-letters", 7))
    again = read_letter(Consumed(0, 0, None, None, list(headers))).earlier
    assert again is not None
    assert (again.topic, again.place, again.at_ms) == ("dead-letters", letter.place, 7)
    assert again.chain[-1] == letter.place
    assert again.count == (letter.earlier.count if letter.earlier else 0) + 1


@given(CHOICES, LETTERS, st.integers(0, 9), st.integers(0, 9))
def test_the_offsets_that_are_read_hold_every_letter_that_is_chosen(
    choice: Choice, letter: Letter, start: int, length: int
) -> None:
    held = range(start, start + length)
    if choice.admits(letter) and letter.place.offset in held:
        assert letter.place.offset in choice.span(letter.place.partition, held)


@given(st.text())
def test_printable_text_is_printable_and_loses_nothing_that_was(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert (shown == text) == text.isprintable()


@given(st.binary(max_size=80))
def test_any_bytes_are_a_mark_of_some_kind(value: bytes) -> None:
    decode_mark(value)


@given(st.builds(Place, st.integers(0, 2**31), st.integers(0, 10**17)))
def test_places_are_read_as_they_are_written(place: Place) -> None:
    assert Place.parse(str(place)) == place
