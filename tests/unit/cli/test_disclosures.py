from typing import Any

from pipeline.cli.disclosures import Account, accounts


def record(kind: str, at_ms: int, partner: str = "bikes") -> dict[str, Any]:
    purpose = "BIKE_DEPOSIT"
    return {"kind": kind, "occurred_at": at_ms, "partner_id": partner, "purpose": purpose}


def test_each_partner_and_purpose_is_summed_up() -> None:
    records = [
        record("SHOWN", 1),
        record("ASKED", 2),
        record("SHOWN", 3, "cafes"),
        record("ASKED", 4),
        record("FROZEN", 5),
        record("SHOWN", 6),
        record("ENDED", 7),
    ]

    assert accounts(records) == [
        Account("bikes", "BIKE_DEPOSIT", 1, 6, 2, 2, 1, 7, shown_now=False),
        Account("cafes", "BIKE_DEPOSIT", 3, 3, 1, shown_now=True),
    ]


def test_what_is_shown_anew_after_an_end_is_shown_now() -> None:
    (account,) = accounts([record("SHOWN", 1), record("ENDED", 2), record("SHOWN", 3)])

    assert account.shown_now
    assert account.last_ended == 2


def test_a_partner_that_asked_and_was_shown_nothing_is_listed_too() -> None:
    (account,) = accounts([record("ASKED", 1)])

    assert (account.times_asked, account.first_shown) == (1, None)
