import json
from typing import Any

import pytest

from pipeline.erasure.receipt import Receipt, Withdrawal, decode, encode, key_digest, new_salt
from pipeline.errors import RefusedError

SALT = "00" * 16


def receipt(user: str = "ann", **changes: Any) -> Receipt:
    fields: dict[str, Any] = {
        "version": 1,
        "salt": SALT,
        "person": key_digest(SALT, user.encode()),
        "withdrawals": (Withdrawal(topic="consents", partition=1, offset=7, occurred_at=5),),
        "completed_at": 9,
        "removed": (),
        "remaining": (),
        "unseen": (),
    }
    return Receipt(**fields | changes)


def test_a_receipt_comes_back_from_its_json() -> None:
    told = json.loads(json.dumps(encode(receipt())))
    assert decode(told) == receipt()
    assert decode({"receipt": told}) == receipt()


def test_it_names_nobody_and_is_known_by_who_knows_the_id() -> None:
    assert '"ann"' not in json.dumps(encode(receipt()))
    assert receipt().is_of("ann")
    assert not receipt().is_of("bob")


def test_the_same_person_looks_different_in_another_receipt() -> None:
    assert len({key_digest(new_salt(), b"ann") for _ in range(5)}) == 5


@pytest.mark.parametrize(
    ("place", "value"), [("completed_at", 10), ("withdrawals", []), ("unknown", 1), ("salt", "11")]
)
def test_whatever_is_changed_in_it_is_noticed(place: str, value: object) -> None:
    with pytest.raises(RefusedError, match="was changed"):
        decode(encode(receipt()) | {place: value})


def test_another_version_is_refused_before_anything_is_read() -> None:
    with pytest.raises(RefusedError, match="version 2"):
        decode(encode(receipt(version=2)))


@pytest.mark.parametrize("content", [{}, {"receipt": None}, {"receipt": 3}, {"digest": "x"}])
def test_what_is_no_receipt_is_refused(content: dict[str, Any]) -> None:
    with pytest.raises(RefusedError):
        decode(content)
