"""What time alone moves on."""

import pytest
from structlog.testing import capture_logs

from pipeline.partners.services import desk
from tests.unit.services.local import Local


def rented(rentals: Local, number: int) -> list[str]:
    """Rentals that are due one after the other."""
    made = []
    for _ in range(number):
        made.append(str(rentals.post("/rentals", {"subject": "good"}, 201)["id"]))
        rentals.clock.now_ms += 1
    return made


def break_row(rentals: Local, rental_id: str) -> None:
    with rentals.service.desk.database.write() as connection:
        statement = "UPDATE rental_contracts SET deposit = 'NONSENSE' WHERE id = ?"
        connection.exec_driver_sql(statement, (rental_id,))


def test_a_contract_that_cannot_be_moved_on_keeps_no_other_from_it(rentals: Local) -> None:
    broken, *others = rented(rentals, 3)
    break_row(rentals, broken)

    with capture_logs() as logged:
        rentals.time_passes(4)
        rentals.time_passes(1)

    assert [rentals.get(f"/rentals/{each}")["status"] for each in others] == ["LATE", "LATE"]
    assert rentals.service.desk.stuck == 1
    told = [(line["contract_id"], line["log_level"]) for line in logged]
    assert told == [(broken, "error")], "once, not at every look"


def test_contracts_that_cannot_be_moved_on_fill_no_place_of_others(
    rentals: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "SWEEP_MAX", 2)
    *broken, last = rented(rentals, 3)
    for each in broken:
        break_row(rentals, each)
    rentals.clock.pass_days(4)

    assert [rentals.service.desk.sweep() for _ in range(2)] == [2, 1]

    assert rentals.get(f"/rentals/{last}")["status"] == "LATE"


def test_a_contract_that_was_mended_is_moved_on_and_no_longer_counted(rentals: Local) -> None:
    [rental_id] = rented(rentals, 1)
    break_row(rentals, rental_id)
    rentals.time_passes(4)
    assert 'sesame_partner_contracts_stuck{partner="car-rental"} 1.0' in metrics(rentals)

    with rentals.service.desk.database.write() as connection:
        connection.exec_driver_sql("UPDATE rental_contracts SET deposit = 'WAIVED'")
    rentals.time_passes(0)

    assert rentals.get(f"/rentals/{rental_id}")["status"] == "LATE"
    assert 'sesame_partner_contracts_stuck{partner="car-rental"} 0.0' in metrics(rentals)


def metrics(rentals: Local) -> str:
    return rentals.send("GET", "/metrics").text
