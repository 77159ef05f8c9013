"""From a grant to a decision, an outcome, another score, a withdrawal, and nothing any more."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from pipeline import topics
from tests.integration.services.kafka_side import PartnerTopics
from tests.integration.services.process import Counter
from tests.integration.support.events import fields_of
from tests.integration.support.gateway import LOAN, Registered, SharedStream
from tests.integration.support.records import NOW_MS, good_year, grants, withdrawal

PARTNERS = {
    "car-rental": Registered("CAR_RENTAL_DEPOSIT", 650, "BAND"),
    "microloan": LOAN,
}


class Town:
    """Everything that runs: a worker, a gateway, both services; and what people do."""

    def __init__(self, stream: SharedStream, folder: Path, stack: ExitStack) -> None:
        self.stream = stream
        stream.worker()
        stream.gateway()
        self.services = {
            partner: stack.enter_context(
                Counter(
                    PartnerTopics(stream.bootstrap, stream.prefix, partner),
                    folder / partner,
                    **{"SESAME_CONTEST_DAYS": "0", **stream.variables},
                )
            )
            for partner in PARTNERS
        }
        for process in stream.workers:
            process.until_ready()
        for service in self.services.values():
            service.wait_ready()

    def says(self, *arguments: str) -> dict[str, Any]:
        """What a person does by the command, and what it tells."""
        done = subprocess.run(  # noqa: S603 - this project's own command
            [sys.executable, "-m", "pipeline.cli.main", *arguments, "--json"],
            env={**os.environ, **self.stream.variables},
            stdout=subprocess.PIPE,
            check=True,
        )
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    def grant(self, user: str, partner: str, disclosure: str) -> str:
        """Grant a partner a look; the subject the person is told."""
        told = self.says("consent", "grant", user, "--partner", partner, "--disclosure", disclosure)
        subject: str = told["subject"]
        return subject

    def seen(self, partner: str, subject: str) -> dict[str, Any] | None:
        records = self.stream.shown(partner).get(subject)
        return records[-1] if records else None

    def rent(self, subject: str) -> dict[str, Any]:
        rental: dict[str, Any] = self.services["car-rental"].post(
            "/rentals", {"subject": subject}, 201
        )
        return rental

    def borrow(self, subject: str) -> dict[str, Any]:
        body = {"subject": subject, "amount_minor": 20_000}
        loan: dict[str, Any] = self.services["microloan"].post("/loans", body, 201)
        return loan

    def until_looked_at(self, subject: str, admitted: str) -> dict[str, Any]:
        """A rental, once the service has news of the person."""
        found: dict[str, Any] = {}

        def has_news() -> bool:
            found.update(self.rent(subject))
            return bool(found["decision"]["admitted"] == admitted)

        self.stream.until(has_news)
        return found

    def obligations(self, user: str) -> list[dict[str, Any]]:
        records = self.stream.read(topics.OBLIGATIONS)
        made = [fields_of("Obligation", r.value) for r in records if r.value]
        return [fields for fields in made if fields["user_id"] == user]

    def points(self, user: str) -> int | None:
        changes = self.stream.score_changes(user)
        points: int | None = changes[-1]["score"] if changes else None
        return points


@pytest.fixture
def town(empty: SharedStream, tmp_path: Path) -> Iterator[Town]:
    # The registry that comes with the package: the services are of its partners.
    del empty.variables["SESAME_PARTNERS_FILE"]
    empty.partners = PARTNERS
    empty.create_topics()
    with ExitStack() as stack:
        yield Town(empty, tmp_path, stack)


@pytest.mark.slow
def test_a_grant_a_decision_an_outcome_another_score_and_a_withdrawal(town: Town) -> None:
    stream = town.stream
    stream.send([*grants("ann"), *good_year("ann"), *grants("bob"), *good_year("bob")])
    stream.until_applied()
    before = town.points("ann")
    assert before is not None
    assert town.points("bob") is not None
    # Else a partner might be shown a score of a part of the year first.
    stream.until_scores_are_seen()
    subjects = {
        "car-rental": town.grant("ann", "car-rental", "BAND"),
        "microloan": town.grant("ann", "microloan", "SCORE"),
    }
    for partner, subject in subjects.items():
        stream.until(lambda p=partner, s=subject: town.seen(p, s) is not None)  # type: ignore[misc]

    # Each sees no more than it was granted, of somebody it can't match with the other.
    rental_sees, loan_sees = (town.seen(partner, s) for partner, s in subjects.items())
    assert rental_sees is not None
    assert loan_sees is not None
    assert (rental_sees["score"], loan_sees["score"]) == (None, before)
    assert rental_sees["band"] is not None
    assert len(set(subjects.values())) == 2
    assert "ann" not in json.dumps([rental_sees, loan_sees])

    # Both decide on what they see.
    rental = town.until_looked_at(subjects["car-rental"], "YES" if before >= 650 else "NO")
    waived = rental["decision"]["outcome"] == "DEPOSIT_WAIVED"
    assert waived == (before >= 650)
    town.services["microloan"].until("/health", subjects=1)
    loan = town.borrow(subjects["microloan"])
    approved = loan["decision"]["outcome"] == "LOAN_APPROVED"
    assert approved == (before >= 600)

    # A damage that is not contested comes back as a broken contract and costs points.
    counter = town.services["car-rental"]
    if not waived:
        counter.post(f"/rentals/{rental['id']}/deposit")
    damage = {"description": "a door", "amount_minor": 40_000, "evidence": "photo 7"}
    counter.post(f"/rentals/{rental['id']}/return", {"damage": damage})
    stream.until(lambda: "BREACHED" in {each["status"] for each in town.obligations("ann")})
    stream.until(lambda: (town.points("ann") or 0) < before)
    reported = [each for each in town.obligations("ann") if each["partner_id"] == "car-rental"]
    assert ["photo 7" in each["evidence"] for each in reported if each["evidence"]] == [True]

    # It may move more than once, as the loan counts too: the lender sees what is published last.
    def is_shown() -> bool:
        shown = (town.seen("microloan", subjects["microloan"]) or {}).get("score")
        points = town.points("ann")
        return points is not None and shown == points < before

    stream.until(is_shown)

    # She sees what was shown of her, and to whom.
    told = town.says("disclosures", "ann")
    assert subjects["microloan"] in json.dumps(told)

    # What she withdraws is gone, and she looks like somebody who never came.
    town.says("consent", "withdraw", "ann", "--partner", "car-rental")
    stream.until(lambda: town.seen("car-rental", subjects["car-rental"]) is None)
    answer = town.until_looked_at(subjects["car-rental"], "NOT_AVAILABLE")
    stranger = town.rent(stream.subject("nobody", "car-rental"))
    assert answer["decision"] == stranger["decision"]
    assert answer.keys() == stranger.keys()
    assert answer["status"] == stranger["status"]
    assert answer["way_on"] == stranger["way_on"]
    # So does somebody with a score who granted nothing.
    assert town.rent(stream.subject("bob", "car-rental"))["decision"] == stranger["decision"]

    # The other partner loses her by her leaving altogether.
    stream.send([withdrawal("ann", "SCORING", NOW_MS + 60_000)])
    stream.until(lambda: town.seen("microloan", subjects["microloan"]) is None)


@pytest.mark.slow
def test_what_a_partner_reports_of_strangers_is_refused_and_kept(town: Town) -> None:
    stream = town.stream
    subjects = [stream.subject("nobody", "car-rental"), "a" * 40]
    counter = town.services["car-rental"]
    for subject in subjects:
        rental = town.rent(subject)
        counter.post(f"/rentals/{rental['id']}/deposit")

    def refused() -> dict[bytes | None, str]:
        letters = stream.read(topics.DEAD_LETTERS)
        return {each.key: dict(each.headers)["dlq.error"].decode() for each in letters}

    stream.until(lambda: refused().keys() >= {subject.encode() for subject in subjects})
    assert all(error.startswith("not granted") for error in refused().values())
    assert stream.read(topics.OBLIGATIONS) == []
