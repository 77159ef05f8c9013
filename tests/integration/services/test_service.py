"""The services as processes on a real Kafka: what they decide, report and survive."""

import itertools
import json
import threading
import time
from collections import Counter as Tally
from pathlib import Path

import httpx

from tests.integration.services.kafka_side import PartnerTopics
from tests.integration.services.process import WAIT_S, Counter

DAMAGE = {"damage": {"description": "scratch", "amount_minor": 20_000, "evidence": "photo 7"}}


def test_a_rental_is_decided_on_what_the_gateway_shows_and_its_outcomes_are_reported(
    rental_topics: PartnerTopics, tmp_path: Path
) -> None:
    rental_topics.show("ann", "YES")
    rental_topics.show("ben", "NO")

    with Counter(rental_topics, tmp_path, SESAME_CONTEST_DAYS="0.00001").wait_ready() as counter:
        ann = counter.post("/rentals", {"subject": "ann"}, 201)
        ben = counter.post("/rentals", {"subject": "ben"}, 201)
        stranger = counter.post("/rentals", {"subject": "eve"}, 201)
        counter.post(f"/rentals/{ann['id']}/return", DAMAGE)
        counter.until(f"/rentals/{ann['id']}", status="BREACHED")
        counter.until("/health", reports_waiting=0)
        ended = counter.end()

    assert ann["decision"]["outcome"] == "DEPOSIT_WAIVED"
    assert ben["decision"]["admitted"] == "NO"
    assert ben["decision"]["reason_texts"][0] not in {"", "PAID_LATE"}
    assert stranger["decision"]["admitted"] == "NOT_AVAILABLE"
    opened, breached = rental_topics.outcomes(2)
    assert (opened["status"], opened["contract_id"]) == ("OPENED", ann["id"])
    assert (breached["status"], breached["amount_minor"]) == ("BREACHED", 20_000)
    assert breached["evidence"].startswith("damage: scratch; photo 7")
    assert ended["decisions"] == {"DEPOSIT_WAIVED": 1, "DEPOSIT_REQUIRED": 1}
    assert (ended["partner"], ended["ready"], ended["subjects"]) == ("car-rental", True, 2)
    assert ended["contracts"] == {"BREACHED": 1, "AWAITING_DEPOSIT": 2}


def test_a_loan_is_decided_repaid_and_reported(loan_topics: PartnerTopics, tmp_path: Path) -> None:
    loan_topics.show("ann", "YES")
    body = {"subject": "ann", "amount_minor": 9_000}

    with Counter(loan_topics, tmp_path).wait_ready() as counter:
        loan = counter.post("/loans", body, 201)
        counter.post(f"/loans/{loan['id']}/repayments", {"amount_minor": 9_000}, 201)
        loan_topics.withdraw("ann")
        counter.until("/health", subjects=0)
        withdrawn = counter.post("/loans", body, 201)
        ended = counter.end()

    assert loan["decision"]["outcome"] == "LOAN_APPROVED"
    assert withdrawn["decision"]["outcome"] == "HUMAN_REVIEW"
    assert withdrawn["decision"]["admitted"] == "NOT_AVAILABLE"
    reported = [(each["kind"], each["status"]) for each in loan_topics.outcomes(2)]
    assert reported == [("LOAN", "OPENED"), ("LOAN", "FULFILLED")]
    assert ended["contracts"] == {"FULFILLED": 1, "IN_REVIEW": 1}


def test_killed_at_any_moment_it_loses_and_doubles_nothing(
    rental_topics: PartnerTopics, tmp_path: Path
) -> None:
    subjects = [f"person-{number}" for number in range(8)]
    for subject in subjects:
        rental_topics.show(subject, "YES")
    told: list[str] = []

    for seconds in (0.3, 0.7, 1.1):
        with Counter(rental_topics, tmp_path).wait_ready() as counter:
            customers = [
                threading.Thread(target=rent_until_it_dies, args=(counter.port, subject, told))
                for subject in subjects
            ]
            for customer in customers:
                customer.start()
            time.sleep(seconds)
            until_told(told, len(told) + 2 * len(subjects))
            counter.kill()
            for customer in customers:
                customer.join()
    with Counter(rental_topics, tmp_path).wait_ready() as counter:
        counter.until("/health", reports_waiting=0)
        contracts = sum(counter.end()["contracts"].values())

    assert len(told) > 30
    assert len(told) <= contracts <= len(told) + 3 * len(subjects)
    reports = rental_topics.outcomes(contracts)
    assert set(told) <= {report["contract_id"] for report in reports}
    assert set(Tally(report["contract_id"] for report in reports).values()) == {1}


def until_told(told: list[str], number: int) -> None:
    """Return when customers have been told of so many contracts, however slow the machine is."""
    deadline_s = time.monotonic() + WAIT_S
    while len(told) < number:
        assert time.monotonic() < deadline_s, f"{len(told)} of {number} contracts"
        time.sleep(0.01)


def rent_until_it_dies(port: int, subject: str, told: list[str]) -> None:
    base = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=base, timeout=WAIT_S, trust_env=False) as client:
        for number in itertools.count():
            try:
                body = {"subject": subject, "vehicle": str(number)}
                answer = client.post("/rentals", json=body)
            except httpx.TransportError:
                return
            assert answer.status_code == 201
            told.append(answer.json()["id"])


def test_it_ends_by_itself_when_idle(rental_topics: PartnerTopics, tmp_path: Path) -> None:
    rental_topics.show("ann", "YES")

    with Counter(rental_topics, tmp_path, "--until-idle", "1") as counter:
        printed, _ = counter.process.communicate(timeout=WAIT_S)

    assert counter.process.returncode == 0
    assert '"DEPOSIT_WAIVED": 1' in printed


def test_orders_may_lie_in_postgresql(
    rental_topics: PartnerTopics, tmp_path: Path, postgres_address: str
) -> None:
    rental_topics.show("ann", "YES")
    variables = {"SESAME_RENTAL_DATABASE": f"postgresql://{postgres_address}"}

    with Counter(rental_topics, tmp_path, **variables).wait_ready() as counter:
        rental = counter.post("/rentals", {"subject": "ann"}, 201)
        counter.kill()
    with Counter(rental_topics, tmp_path, **variables).wait_ready() as counter:
        counter.post(f"/rentals/{rental['id']}/return", {})
        counter.end()

    reports = [(each["contract_id"], each["status"]) for each in rental_topics.outcomes(2)]
    assert reports == [(rental["id"], "OPENED"), (rental["id"], "FULFILLED")]
    assert list(tmp_path.rglob("*contracts.db")) == []


def test_a_port_in_use_is_told(rental_topics: PartnerTopics, tmp_path: Path) -> None:
    with Counter(rental_topics, tmp_path).wait_ready() as first:
        taken = complaint(rental_topics, tmp_path, "--port", str(first.port))

    assert taken == (
        f"cannot listen on 127.0.0.1:{first.port} (Address already in use); --port or "
        "SESAME_RENTAL_PORT chooses another"
    )


def test_a_partner_without_a_service_is_refused_unless_it_only_looks_on(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    registry = tmp_path / "partners.toml"
    registry.write_text(
        '[partners.bikes]\nname = "Bikes"\ndisclosure = "ADMIT"\nfallback = "DEPOSIT"\n'
        'legal_basis = "CONSENT"\npurposes.BIKE_DEPOSIT.threshold = 600\n'
    )
    topics = PartnerTopics(kafka, topic_prefix, "bikes")
    topics.create()
    topics.show("ann", "YES", purpose="BIKE_DEPOSIT", threshold=600)

    refused = complaint(topics, tmp_path, SESAME_PARTNERS_FILE=str(registry))
    with Counter(topics, tmp_path, "--follow", SESAME_PARTNERS_FILE=str(registry)) as follower:
        follower.wait_ready()
        metrics = follower.client.get("/metrics").text
        ended = follower.end()
    options = ("--follow", "--until-idle", "1")
    with Counter(topics, tmp_path, *options, SESAME_PARTNERS_FILE=str(registry)) as idle:
        printed, _ = idle.process.communicate(timeout=WAIT_S)

    assert refused.startswith(
        "there is no service for bikes, only for car-rental and microloan; --follow"
    )
    assert 'sesame_partner_ready{partner="bikes"} 1.0' in metrics
    outcomes = {"DEPOSIT_WAIVED": 1, "DEPOSIT_REQUIRED": 0}
    assert ended["decisions"] == json.loads(printed)["decisions"] == outcomes


def complaint(topics: PartnerTopics, folder: Path, *options: str, **variables: str) -> str:
    """What the command says when it refuses to run."""
    run = Counter(topics, folder / "other", *options, **variables)
    with run:
        run.process.wait(WAIT_S)
    assert run.process.returncode != 0
    return run.complaints().strip().splitlines()[-1]
