"""Reports between the database and the partner's client."""

import threading
import time
from collections.abc import Callable

import pytest

from pipeline.errors import RefusedError, SesameError
from pipeline.partners.records import OutcomeReport
from pipeline.partners.services.background import Repeating
from tests.unit.services.local import Local

WAIT_S = 60.0


def rented(rentals: Local) -> str:
    return str(rentals.post("/rentals", {"subject": "good"}, 201)["id"])


def until(holds: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def test_reports_are_handed_over_once_and_in_the_order_of_what_happened(rentals: Local) -> None:
    first, second = rented(rentals), rented(rentals)
    rentals.post(f"/rentals/{first}/return", {})
    handed: list[OutcomeReport] = []
    keep = rentals.partner.report

    def noting(outcome: OutcomeReport) -> str:
        handed.append(outcome)
        return keep(outcome)

    rentals.partner.report = noting  # type: ignore[method-assign]

    assert rentals.service.outbox.waiting().reports == 3
    rentals.told()
    rentals.told()

    told = [(report.contract_id, report.status) for report in handed]
    assert told == [(first, "OPENED"), (second, "OPENED"), (first, "FULFILLED")]
    assert rentals.service.outbox.waiting().reports == 0
    assert rentals.service.outbox.waiting().oldest_ms is None


def test_a_report_that_was_not_taken_is_handed_over_again_under_the_same_id(
    rentals: Local,
) -> None:
    rented(rentals)
    keep = rentals.partner.report
    ids: list[str | None] = []

    def taken_but_not_answered(outcome: OutcomeReport) -> str:
        ids.append(outcome.event_id)
        keep(outcome)
        raise SesameError("the disk is full")

    rentals.partner.report = taken_but_not_answered  # type: ignore[method-assign]
    with pytest.raises(SesameError):
        rentals.service.outbox.deliver()
    assert rentals.service.outbox.waiting().reports == 1

    rentals.partner.report = keep  # type: ignore[method-assign]
    rentals.told()

    assert list(rentals.partner.reports) == ids


def test_a_report_that_is_refused_stops_none_behind_it_and_is_counted(rentals: Local) -> None:
    refused, taken = rented(rentals), rented(rentals)
    keep = rentals.partner.report

    def refusing(outcome: OutcomeReport) -> str:
        if outcome.contract_id == refused:
            raise RefusedError("no")
        return keep(outcome)

    rentals.partner.report = refusing  # type: ignore[method-assign]
    told = rentals.told()

    assert [report.contract_id for report in told] == [taken]
    assert rentals.service.outbox.waiting().reports == 0
    assert rentals.get("/health")["reports_refused"] == 1


def test_what_the_client_has_not_delivered_waits_too(rentals: Local) -> None:
    rented(rentals)
    assert rentals.get("/health")["reports_waiting"] == 1

    rentals.told()
    rentals.partner.outcomes_waiting = 1

    assert rentals.get("/health")["reports_waiting"] == 1


def test_reports_are_forgotten_a_month_after_they_were_handed_over(rentals: Local) -> None:
    def kept() -> list[str]:
        table = rentals.service.outbox._table
        with rentals.service.outbox._database.read() as connection:
            return [row.contract_id for row in connection.execute(table.select())]

    first = rented(rentals)
    rentals.told()
    rentals.clock.pass_days(29)
    second = rented(rentals)
    rentals.told()
    assert kept() == [first, second]

    rentals.clock.pass_days(1.01)
    rentals.told()
    assert kept() == [second]

    waits = rented(rentals)
    rentals.clock.pass_days(60)
    rentals.service.outbox._forget()
    assert kept() == [waits]  # it was never handed over


def test_a_running_service_hands_over_at_once_and_the_rest_when_it_ends(rentals: Local) -> None:
    with rentals.service as service:
        rented(rentals)
        until(lambda: len(rentals.partner.reports) == 1)
        assert rentals.get("/health")["status"] == "ready"
        keep = rentals.partner.report
        rentals.partner.report = failing  # type: ignore[method-assign]
        rented(rentals)
        until(lambda: not service.working)
        assert rentals.get("/health")["status"] == "failing"
        rentals.partner.report = keep  # type: ignore[method-assign]

    assert len(rentals.partner.reports) == 2


def failing(outcome: OutcomeReport) -> str:
    raise SesameError(f"no room for {outcome.event_id}")


def test_a_running_service_moves_on_what_time_does(rentals: Local) -> None:
    rental_id = rented(rentals)
    rentals.clock.pass_days(4)

    with rentals.service:
        until(lambda: bool(rentals.get(f"/rentals/{rental_id}")["status"] == "LATE"))


def test_work_that_fails_is_tried_again_and_wakes_at_once() -> None:
    calls: list[float] = []
    woken = threading.Event()

    def work() -> bool:
        calls.append(time.monotonic())
        if len(calls) == 1:
            raise KeyError
        if len(calls) == 4:
            woken.set()
        return len(calls) == 2

    with Repeating("test", work, pause_s=0.05) as repeating:
        until(lambda: len(calls) >= 4)
        assert woken.wait(WAIT_S)
        assert repeating.failures == 0

    slow = Repeating("slow", work, pause_s=60)
    before = len(calls)
    with slow:
        until(lambda: len(calls) > before)
        slow.wake()
        until(lambda: len(calls) > before + 1)
    assert not slow.alive
