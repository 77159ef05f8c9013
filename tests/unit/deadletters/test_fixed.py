"""A corrected record in a letter's place."""

from typing import Any

import pytest

from pipeline.codec.encode import decode_record
from pipeline.codec.registry import FileRegistry
from pipeline.deadletters.fixed import corrected
from pipeline.deadletters.letter import Letter
from pipeline.deadletters.policy import Outgoing, outgoing
from pipeline.errors import RefusedError
from tests.unit.deadletters.posts import PAYMENT, letter, payment


def fix(found: Letter, **changes: Any) -> Outgoing:
    record = outgoing(found, "x.")
    assert isinstance(record, Outgoing)
    fields = {name: value for name, value in (PAYMENT | changes).items() if value is not ...}
    return corrected(record, fields, FileRegistry())


def test_the_corrected_record_is_encoded_with_the_current_schema() -> None:
    fixed = fix(letter(value=payment(currency="euro")))
    assert fixed.value == payment()
    assert (fixed.key, fixed.partition, fixed.is_fixed) == (b"ann", 1, True)


def test_what_may_be_null_may_be_left_out() -> None:
    fixed = fix(letter(), due_at=..., limit_minor=...)
    assert decode_record(fixed.value or b"", FileRegistry()) == PAYMENT


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"currency": ...}, "the fields currency"),
        ({"colour": "red"}, "the fields colour"),
        ({"amount_minor": 1.5}, "amount_minor is 1.5, not long"),
        ({"amount_minor": True}, "amount_minor is True, not long"),
        ({"amount_minor": 2**63}, "amount_minor is 9223372036854775808"),
        ({"occurred_at": "2026-01-01"}, "occurred_at is '2026-01-01'"),
        ({"kind": "GIFT"}, "kind is 'GIFT'"),
        ({"amount_minor": -1}, "INVALID, amount_minor is -1"),
        ({"event_id": ""}, "INVALID, event_id has 0 characters"),
        ({"user_id": "eve"}, "user_id is 'eve', which is not the letter's"),
    ],
)
def test_what_is_no_good_record_of_the_same_person_is_refused(
    changes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(RefusedError) as refused:
        fix(letter(), **changes)
    assert complaint in str(refused.value)


def test_where_the_key_was_wrong_the_record_says_whose_it_is() -> None:
    misplaced = letter(key=b"ann ", value=payment(), reason="KEY_MISMATCH")
    fixed = fix(misplaced)
    assert fixed.key == b"ann"
    assert fixed.partition is None, "another key has another partition"
    with pytest.raises(RefusedError, match="somebody else"):
        fix(misplaced, user_id="eve")


def test_where_the_record_was_about_the_wrong_person_the_key_says_whose_it_is() -> None:
    fixed = fix(letter(value=payment(user_id="eve"), reason="KEY_MISMATCH"))
    assert (fixed.key, fixed.partition) == (b"ann", 1)
