from typing import Any

from pipeline.partners.services.contracts import DAY_MS
from tests.unit.services.local import NOW_MS, Local


def lent(loans: Local, subject: str = "good") -> str:
    body = {"subject": subject, "amount_minor": 20_000}
    return str(loans.post("/loans", body, 201)["id"])


def repaid(loans: Local, loan_id: str, amount_minor: int, status: int = 201) -> Any:
    return loans.post(f"/loans/{loan_id}/repayments", {"amount_minor": amount_minor}, status)


def breached(loans: Local) -> str:
    loan_id = lent(loans)
    loans.time_passes(31)
    loans.time_passes(90)
    return loan_id


def test_who_is_admitted_gets_the_loan_at_once(loans: Local) -> None:
    answer = loans.post("/loans", {"subject": "good", "amount_minor": 20_000}, 201)

    assert (answer["status"], answer["outstanding_minor"]) == ("OPEN", 20_000)
    assert answer["decision"]["outcome"] == "LOAN_APPROVED"
    [report] = loans.told()
    assert (report.kind, report.status, report.amount_minor) == ("LOAN", "OPENED", 20_000)
    assert report.due_at_ms == NOW_MS + 30 * DAY_MS


def test_a_member_of_staff_looks_at_every_other_application(loans: Local) -> None:
    answers = [
        loans.post("/loans", {"subject": subject, "amount_minor": 5_000}, 201)
        for subject in ("poor", "stranger")
    ]

    assert [answer["status"] for answer in answers] == ["IN_REVIEW", "IN_REVIEW"]
    assert [answer["decision"]["outcome"] for answer in answers] == ["HUMAN_REVIEW"] * 2
    assert answers[0]["decision"]["reason_texts"] == ["Payments were late."]
    assert answers[1]["decision"]["admitted"] == "NOT_AVAILABLE"
    assert loans.told() == []


def test_staff_may_approve(loans: Local) -> None:
    loan_id = lent(loans, "poor")
    loans.clock.pass_days(2)

    approved = loans.post(f"/loans/{loan_id}/review", {"decision": "APPROVE"})

    assert (approved["status"], approved["due_at"]) == ("OPEN", "2026-03-06T02:40:00Z")
    assert loans.statuses() == ["OPENED"]


def test_a_decline_says_why_and_can_be_contested(loans: Local) -> None:
    loan_id = lent(loans, "poor")
    path = f"/loans/{loan_id}/review"
    loans.post(path, {"decision": "DECLINE"}, 422)

    declined = loans.post(path, {"decision": "DECLINE", "reasons": ["Two loans are open."]})
    again = loans.post(f"/loans/{loan_id}/contest", {"statement": "One was repaid."})

    assert (declined["status"], declined["decline_reasons"]) == (
        "DECLINED",
        ["Two loans are open."],
    )
    assert "Contest the decline" in declined["way_on"]
    assert (again["status"], again["actions"]) == ("IN_REVIEW", ["review"])
    assert loans.told() == []


def test_a_loan_is_fulfilled_once_all_of_it_is_repaid(loans: Local) -> None:
    loan_id = lent(loans)

    part = repaid(loans, loan_id, 5_000)
    too_much = repaid(loans, loan_id, 15_001, 422)
    rest = repaid(loans, loan_id, 15_000)
    again = repaid(loans, loan_id, 1, 409)

    assert (part["status"], part["outstanding_minor"]) == ("OPEN", 15_000)
    assert too_much["errors"] == [
        {"pointer": "/amount_minor", "detail": "only 150.00 EUR are left to be repaid"}
    ]
    assert (rest["status"], rest["outstanding_minor"], rest["actions"]) == ("FULFILLED", 0, [])
    assert again["detail"] == "repayments is not possible while it is FULFILLED"
    assert loans.statuses() == ["OPENED", "FULFILLED"]


def test_a_loan_past_due_is_late_once_and_may_still_be_fulfilled(loans: Local) -> None:
    loan_id = lent(loans)
    loans.time_passes(30.001)
    loans.time_passes(50)

    repaid(loans, loan_id, 20_000)

    assert loans.statuses() == ["OPENED", "LATE", "FULFILLED"]


def test_a_loan_is_a_breach_with_evidence_90_days_past_due(loans: Local) -> None:
    loan_id = lent(loans)
    repaid(loans, loan_id, 5_000)
    loans.time_passes(119.9)
    assert loans.statuses() == ["OPENED", "LATE"]

    loans.time_passes(0.1)

    breach = loans.told()[-1]
    assert (breach.status, breach.amount_minor) == ("BREACHED", 15_000)
    assert breach.evidence == (
        "150.00 EUR of 200.00 EUR unpaid 90 days after 2026-03-04, when it was due"
    )


def test_after_an_outage_a_loan_is_late_before_it_is_a_breach(loans: Local) -> None:
    lent(loans)
    loans.time_passes(200)

    assert loans.statuses() == ["OPENED", "LATE", "BREACHED"]


def test_a_breach_may_be_disputed_and_repaid(loans: Local) -> None:
    loan_id = breached(loans)

    loans.post(f"/loans/{loan_id}/dispute", {"statement": "I was in hospital."})
    paid = repaid(loans, loan_id, 20_000)
    rejected = loans.post(
        f"/loans/{loan_id}/dispute/review", {"decision": "REJECT", "reasons": ["No proof."]}
    )

    assert (paid["status"], paid["outstanding_minor"]) == ("DISPUTED", 0)
    assert (rejected["status"], rejected["actions"]) == ("DISPUTE_REJECTED", [])
    assert loans.statuses() == ["OPENED", "LATE", "BREACHED", "DISPUTED", "DISPUTE_REJECTED"]


def test_what_staff_has_to_look_at_is_found_by_status(loans: Local) -> None:
    lent(loans)
    waiting = lent(loans, "poor")

    found = loans.get("/loans?status=IN_REVIEW")

    assert [each["id"] for each in found["loans"]] == [waiting]
