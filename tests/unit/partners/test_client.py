"""A client without a broker: its file, its terms, its answers."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline import settings
from pipeline.errors import RefusedError, SesameError
from pipeline.partners.client import PartnerClient
from pipeline.partners.database import Database
from pipeline.partners.follower import Phase
from pipeline.partners.outbox import OutboxFullError
from pipeline.partners.rebuild import AWAY_MS_MAX
from pipeline.partners.records import Change, OutcomeReport, PartnerScore
from pipeline.partners.registry import PartnerRegistryError
from pipeline.partners.store import Standing, ViewStore
from pipeline.partners.view import LocalView
from pipeline.partners.vocabulary import (
    Admitted,
    ContractKind,
    ContractStatus,
    Fallback,
    Outcome,
    Purpose,
)
from pipeline.settings import Settings
from tests.unit.partners.seen import TOPIC, seen

NOW_MS = 1_790_000_000_000
ANN = "a" * 40
Open = Callable[..., PartnerClient]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "partner.sqlite"


@pytest.fixture
def opened(store: Path) -> Iterator[Open]:
    clients = []

    def open_client(
        partner_id: str = "car-rental",
        current: Settings | None = None,
        now_ms: int = NOW_MS,
        outcomes_waiting_max: int = 10,
    ) -> PartnerClient:
        client = PartnerClient(
            partner_id,
            settings=current or settings.load(bootstrap="127.0.0.1:9"),
            store=store,
            clock_ms=lambda: now_ms,
            outcomes_waiting_max=outcomes_waiting_max,
        )
        clients.append(client)
        return client

    yield open_client
    for client in clients:
        client.close()


def stored(store: Path, *scores: PartnerScore) -> None:
    """A view as a former run left it."""
    with Database(store) as database:
        view = ViewStore(database.view)
        standing = Standing(TOPIC, "id-1", {0: 0}, NOW_MS, 1, rebuilding=True)
        view.begin(standing)
        folded = LocalView(generation=1).fold([Change(score.subject, score) for score in scores])
        view.save(folded, {0: len(scores)})
        view.catch_up(LocalView().fold([]), replace(standing, offsets={0: len(scores)}))


def report(number: int) -> OutcomeReport:
    return OutcomeReport(
        f"rental-{number}", "ann", ContractKind.RENTAL, ContractStatus.OPENED, NOW_MS
    )


def test_a_stored_view_answers_before_a_broker_does(store: Path, opened: Open) -> None:
    stored(store, seen("ann"), seen("ben", admitted=Admitted.NO, reasons=("LATE_PAYMENTS",)))
    client = opened()

    assert client.decide("ann").outcome is Outcome.DEPOSIT_WAIVED
    ben = client.decide("ben", "CAR_RENTAL_DEPOSIT")
    assert (ben.outcome, ben.reasons) == (Outcome.DEPOSIT_REQUIRED, ("LATE_PAYMENTS",))
    assert (client.subjects, client.ready) == (2, False)


def test_strangers_the_expired_and_those_seen_for_something_else_are_answered_alike(
    store: Path, opened: Open
) -> None:
    stored(store, seen("ann", grant_expires_at_ms=NOW_MS), seen("ben", purpose="HOTEL_DEPOSIT"))
    client = opened()

    answers = {client.decide(subject) for subject in ("ann", "ben", "stranger", "")}

    assert [answer.admitted for answer in answers] == [Admitted.NOT_AVAILABLE]


def test_a_view_that_may_have_missed_withdrawals_answers_nothing(store: Path, opened: Open) -> None:
    stored(store, seen("ann"))
    client = opened(now_ms=NOW_MS + AWAY_MS_MAX + 1)

    assert client.decide("ann").admitted is Admitted.NOT_AVAILABLE
    assert client.summary().subjects == 0


def test_asked_too_often_the_day_s_first_answer_is_repeated(store: Path, opened: Open) -> None:
    stored(store, seen(ANN, as_of_ms=1))
    client = opened(current=settings.load(bootstrap="127.0.0.1:9", enquiries_per_day_max=2))
    first = client.decide(ANN)
    change = Change(ANN, seen(ANN, 2, as_of_ms=2, admitted=Admitted.NO))
    view = client._tracker.view
    view.publish(view.fold([change]))

    assert client.decide(ANN).as_of_ms == 2
    assert [client.decide(ANN) for _ in range(2)] == [first, first]
    view.publish(view.fold([Change(ANN, None)]))
    assert client.decide(ANN).admitted is Admitted.NOT_AVAILABLE, "what ended is not repeated"
    assert client.summary().enquiries == {"waiting": 5}


def test_terms_are_those_of_the_registry(opened: Open) -> None:
    client = opened()

    assert client.policy() == client.policy("CAR_RENTAL_DEPOSIT")
    assert client.policy(Purpose.CAR_RENTAL_DEPOSIT).fallback is Fallback.DEPOSIT
    with pytest.raises(PartnerRegistryError, match="has no purpose MICROLOAN; it has: CAR_RENTAL"):
        client.decide("ann", Purpose.MICROLOAN)


def test_a_partner_that_is_not_registered_is_refused(opened: Open) -> None:
    with pytest.raises(PartnerRegistryError, match="partner boats is not registered"):
        opened("boats")


def test_a_file_is_one_client_s_at_a_time(opened: Open) -> None:
    opened()

    with pytest.raises(RefusedError, match="in use"):
        opened()


def test_a_file_of_another_partner_is_refused_and_let_go(store: Path, opened: Open) -> None:
    stored(store, seen("ann"))

    with pytest.raises(RefusedError, match=r"holds what partner\.car-rental\.scores told"):
        opened("microloan")
    assert opened("car-rental").subjects == 1


def test_reports_wait_on_disk_up_to_a_bound(opened: Open) -> None:
    client = opened(outcomes_waiting_max=2)
    first = client.report(report(1))

    assert client.report(report(1)) == first
    assert client.report(report(2)) != first
    with pytest.raises(OutboxFullError):
        client.report(report(3))
    client.close()
    assert opened().outcomes_waiting == 2


def test_the_summary_counts_everyone_in_the_view_and_asks_about_nobody(
    store: Path, opened: Open
) -> None:
    stored(store, seen("ann"), seen("ben", admitted=Admitted.NO), seen("cara"))
    client = opened()

    told = client.summary().as_json()

    assert (told["partner"], told["purpose"]) == ("car-rental", "CAR_RENTAL_DEPOSIT")
    assert (told["subjects"], told["ready"]) == (3, False)
    assert told["decisions"] == {"DEPOSIT_WAIVED": 2, "DEPOSIT_REQUIRED": 1}
    assert told["admitted"] == {"YES": 2, "NO": 1, "NOT_AVAILABLE": 0}
    assert told["enquiries"] == {"waiting": 0}


def test_without_a_broker_a_client_decides_takes_reports_and_ends_soon(opened: Open) -> None:
    client = opened()
    with client:
        assert client.decide(ANN).admitted is Admitted.NOT_AVAILABLE
        client.report(report(1))
        with pytest.raises(SesameError, match=r"was not read to its end within 0\.1 s: no broker"):
            client.wait_ready(0.1)
        started_s = time.monotonic()
    took_s = time.monotonic() - started_s

    assert took_s < 20
    assert client.state.phase is Phase.ENDED
    assert client.summary().enquiries == {"lost": 1, "waiting": 1}
    assert opened().outcomes_waiting == 1
