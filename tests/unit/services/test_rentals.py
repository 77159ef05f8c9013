from typing import Any

from pipeline.partners.services.contracts import DAY_MS
from tests.unit.services.local import NOW_MS, Local

DAMAGE = {"damage": {"description": "scratch", "amount_minor": 20_000, "evidence": "photo 7"}}


def rented(rentals: Local, subject: str = "good") -> str:
    return str(rentals.post("/rentals", {"subject": subject}, 201)["id"])


def damaged(rentals: Local) -> str:
    rental_id = rented(rentals)
    rentals.post(f"/rentals/{rental_id}/return", DAMAGE)
    return rental_id


def test_who_is_admitted_rents_without_a_deposit(rentals: Local) -> None:
    answer = rentals.post("/rentals", {"subject": "good", "days": 2}, 201)

    assert answer["status"] == "OPEN"
    assert answer["deposit"] == {"status": "WAIVED", "amount_minor": 0}
    assert answer["decision"] == {
        "outcome": "DEPOSIT_WAIVED",
        "admitted": "YES",
        "text": "The deposit is waived.",
        "reasons": [],
        "reason_texts": [],
        "threshold": 650,
        "model": "default@1",
        "as_of": "2026-02-02T00:00:00Z",
    }
    assert answer["amount_minor"] == 9_000
    assert answer["due_at"] == "2026-02-04T02:40:00Z"
    [report] = rentals.told()
    assert (report.kind, report.status, report.subject) == ("RENTAL", "OPENED", "good")
    assert (report.contract_id, report.amount_minor) == (answer["id"], 9_000)
    assert (report.occurred_at_ms, report.due_at_ms) == (NOW_MS, NOW_MS + 2 * DAY_MS)


def test_who_is_not_admitted_is_told_why_and_rents_with_a_deposit(rentals: Local) -> None:
    answer = rentals.post("/rentals", {"subject": "poor"}, 201)

    assert answer["status"] == "AWAITING_DEPOSIT"
    assert answer["decision"]["outcome"] == "DEPOSIT_REQUIRED"
    assert answer["decision"]["reasons"] == ["LATE_PAYMENTS"]
    assert answer["decision"]["reason_texts"] == ["Payments were late."]
    assert answer["deposit"] == {"status": "REQUIRED", "amount_minor": 45_000}
    assert "450.00 EUR" in answer["way_on"]
    assert rentals.told() == []

    rentals.clock.pass_days(1)
    opened = rentals.post(f"/rentals/{answer['id']}/deposit")

    assert (opened["status"], opened["deposit"]["status"]) == ("OPEN", "HELD")
    assert rentals.told()[0].due_at_ms == NOW_MS + 4 * DAY_MS
    returned = rentals.post(f"/rentals/{answer['id']}/return")
    assert (returned["status"], returned["deposit"]["status"]) == ("FULFILLED", "RETURNED")


def test_strangers_and_those_with_nothing_to_see_get_the_same_answer(rentals: Local) -> None:
    def masked(subject: str) -> dict[str, Any]:
        answer = rentals.post("/rentals", {"subject": subject}, 201)
        shown: dict[str, Any] = rentals.get(f"/rentals/{answer['id']}")
        assert shown == answer
        return {**answer, "id": "", "subject": ""}

    rentals.partner.seen.pop("poor")  # withdrawn

    assert masked("stranger") == masked("poor") == masked("good" * 30)


def test_a_rental_nobody_paid_the_deposit_of_can_be_cancelled_and_is_not_reported(
    rentals: Local,
) -> None:
    rental_id = rented(rentals, "poor")

    cancelled = rentals.post(f"/rentals/{rental_id}/cancel")

    assert (cancelled["status"], cancelled["actions"]) == ("CANCELLED", [])
    assert rentals.told() == []


def test_a_car_returned_in_time_fulfils_the_rental(rentals: Local) -> None:
    rental_id = rented(rentals)
    rentals.time_passes(3)

    rentals.post(f"/rentals/{rental_id}/return", {})

    assert rentals.statuses() == ["OPENED", "FULFILLED"]


def test_an_overdue_car_is_late_once_and_fulfils_the_rental_when_it_is_back(
    rentals: Local,
) -> None:
    rental_id = rented(rentals)
    rentals.time_passes(3.001)
    rentals.time_passes(1)
    assert rentals.get(f"/rentals/{rental_id}")["status"] == "LATE"

    rentals.post(f"/rentals/{rental_id}/return", {})

    assert rentals.statuses() == ["OPENED", "LATE", "FULFILLED"]


def test_a_late_return_is_late_even_before_the_clerk_has_looked(rentals: Local) -> None:
    rental_id = rented(rentals)
    rentals.clock.pass_days(4)

    rentals.post(f"/rentals/{rental_id}/return", {})

    assert rentals.statuses() == ["OPENED", "LATE", "FULFILLED"]


def test_a_damage_nobody_contests_is_a_breach_with_evidence_after_the_window(
    rentals: Local,
) -> None:
    rental_id = damaged(rentals)
    rentals.time_passes(13.99)
    assert rentals.get(f"/rentals/{rental_id}")["status"] == "DAMAGE_CLAIMED"
    assert rentals.statuses() == ["OPENED"]

    rentals.time_passes(0.02)

    breach = rentals.told()[-1]
    assert (breach.status, breach.amount_minor) == ("BREACHED", 20_000)
    assert breach.evidence == "damage: scratch; photo 7; not contested in time"


def test_a_contested_damage_waits_for_a_review_that_may_clear_the_customer(
    rentals: Local,
) -> None:
    rental_id = damaged(rentals)
    contested = rentals.post(f"/rentals/{rental_id}/contest", {"statement": "It was there."})
    assert contested["actions"] == ["review"]
    rentals.time_passes(365)
    assert rentals.statuses() == ["OPENED"]

    cleared = rentals.post(f"/rentals/{rental_id}/review", {"decision": "FOR_CUSTOMER"})

    assert cleared["status"] == "FULFILLED"
    assert [entry["by"] for entry in cleared["history"]] == [
        *("SERVICE", "STAFF", "CUSTOMER", "STAFF")
    ]
    assert rentals.statuses() == ["OPENED", "FULFILLED"]


def test_a_review_against_the_customer_says_why(rentals: Local) -> None:
    rental_id = damaged(rentals)
    rentals.post(f"/rentals/{rental_id}/contest")
    path = f"/rentals/{rental_id}/review"

    refused = rentals.post(path, {"decision": "AGAINST_CUSTOMER"}, 422)
    charged = rentals.post(path, {"decision": "AGAINST_CUSTOMER", "reasons": ["On film."]})

    assert refused["errors"] == [
        {"pointer": "", "detail": "a decision against the customer needs reasons"}
    ]
    assert charged["status"] == "BREACHED"
    evidence = rentals.told()[-1].evidence
    assert evidence == "damage: scratch; photo 7; contested and reviewed: On film."


def test_a_damage_cannot_be_contested_after_its_window_but_the_breach_disputed(
    rentals: Local,
) -> None:
    rental_id = damaged(rentals)
    rentals.clock.pass_days(14.01)

    too_late = rentals.post(f"/rentals/{rental_id}/contest", None, 409)
    disputed = rentals.post(f"/rentals/{rental_id}/dispute", {"statement": "No."})
    upheld = rentals.post(
        f"/rentals/{rental_id}/dispute/review", {"decision": "UPHOLD", "reasons": ["Unclear."]}
    )

    assert too_late["detail"] == "contest is not possible while it is BREACHED"
    assert disputed["status"] == "DISPUTED"
    assert (upheld["status"], upheld["actions"]) == ("DISPUTE_UPHELD", [])
    assert rentals.statuses() == ["OPENED", "BREACHED", "DISPUTED", "DISPUTE_UPHELD"]


def test_the_deposit_is_kept_with_a_breach_and_returned_with_an_upheld_dispute(
    rentals: Local,
) -> None:
    rental_id = rented(rentals, "poor")
    rentals.post(f"/rentals/{rental_id}/deposit")
    rentals.post(f"/rentals/{rental_id}/return", DAMAGE)
    rentals.time_passes(14.01)
    path = f"/rentals/{rental_id}"
    assert rentals.get(path)["deposit"]["status"] == "KEPT"
    rentals.post(f"{path}/dispute")

    rentals.post(f"{path}/dispute/review", {"decision": "UPHOLD", "reasons": ["Unclear."]})

    assert rentals.get(path)["deposit"]["status"] == "RETURNED"


def test_rentals_are_found_by_person_and_by_status_newest_first(rentals: Local) -> None:
    first = rented(rentals)
    rentals.clock.pass_days(0.1)
    second = rented(rentals)
    waiting = rented(rentals, "poor")

    mine = rentals.get("/rentals?subject=good")
    one = rentals.get("/rentals?subject=good&limit=1")
    due = rentals.get("/rentals?status=AWAITING_DEPOSIT")

    assert [each["id"] for each in mine["rentals"]] == [second, first]
    assert (len(one["rentals"]), one["more"], mine["more"]) == (1, True, False)
    assert [each["id"] for each in due["rentals"]] == [waiting]
    assert rentals.get("/rentals?subject=nobody") == {"rentals": [], "more": False}


def test_nothing_is_decided_before_the_view_is_complete(rentals: Local) -> None:
    rentals.partner.ready = False

    answer = rentals.send("POST", "/rentals", json={"subject": "good"})

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert rentals.send("GET", "/health/ready").status_code == 503
    assert rentals.send("GET", "/health/live").status_code == 200
    assert rentals.partner.asked == []


def test_evidence_with_control_characters_is_refused(rentals: Local) -> None:
    rental_id = rented(rentals)
    claim = {"damage": DAMAGE["damage"] | {"evidence": "photo\0 7"}}

    problem = rentals.post(f"/rentals/{rental_id}/return", claim, 422)

    assert problem["errors"][0]["pointer"] == "/damage/evidence"
    assert rentals.get(f"/rentals/{rental_id}")["status"] == "OPEN"
