"""What is written of a refused record, as it is read again."""

from pipeline.codec.reasons import Reason
from pipeline.deadletters.letter import Header, Letter, Place, read_letter
from pipeline.deadletters.refusal import Refused, dead_letter
from pipeline.topics import DEAD_LETTER_BYTES_MAX
from tests.unit.deadletters.posts import FAILED_AT_MS, Consumed

REDRIVEN = (("redrive.partition", b"1"), ("redrive.offset", b"4"), ("redrive.count", b"2"))


def read_again(
    value: bytes | None = b"\1",
    error: str = "currency is 'euro'",
    carried: tuple[Header, ...] = (),
    key: bytes | None = b"ann",
) -> Letter:
    refused = Refused("x.payments", 1, 77, key, value, carried)
    key, value, headers = dead_letter(refused, Reason.WIRE_FORMAT, error, FAILED_AT_MS)
    return read_letter(Consumed(key=key, value=value, headers=list(headers)))


def test_a_dead_letter_is_read_as_it_was_written() -> None:
    letter = read_again()

    assert (letter.topic, letter.partition, letter.offset) == ("x.payments", 1, 77)
    assert (letter.key, letter.value, letter.is_kept) == (b"ann", b"\1", True)
    assert (letter.reason, letter.error) == ("WIRE_FORMAT", "currency is 'euro'")
    assert (letter.failed_at_ms, letter.earlier) == (FAILED_AT_MS, None)


def test_where_a_record_was_sent_back_from_stays_with_it() -> None:
    earlier = read_again(carried=REDRIVEN).earlier

    assert earlier is not None
    assert (earlier.place, earlier.count) == (Place(1, 4), 2)


def test_an_error_is_cut_short() -> None:
    assert len(read_again(error="e" * 5_000).error) == 1_000


def test_a_record_too_large_is_known_to_be_left_out_however_long_its_error_is() -> None:
    letter = read_again(b"\1" * DEAD_LETTER_BYTES_MAX, error="e" * 5_000)

    assert (letter.key, letter.value, letter.is_kept) == (None, None, False)


def test_a_record_without_key_and_value_is_kept() -> None:
    assert read_again(None, key=None).is_kept
