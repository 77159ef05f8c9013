"""A service on a SQLite file, with a partner whose view is in memory and a clock by hand."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from pipeline import settings
from pipeline.partners.decision import Decision, decide
from pipeline.partners.follower import Phase, State
from pipeline.partners.records import OutcomeReport, PartnerScore
from pipeline.partners.registry import Policy, load_registry
from pipeline.partners.services.contracts import DAY_MS
from pipeline.partners.services.database import open_database
from pipeline.partners.services.lines import line_of
from pipeline.partners.services.metrics import ServiceMetrics
from pipeline.partners.services.service import AnyService, Service
from pipeline.partners.vocabulary import Admitted, Disclosure, Purpose
from pipeline.resources import partners_file

NOW_MS = 1_770_000_000_000
TEXTS = {"LATE_PAYMENTS": "Payments were late."}


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now_ms = NOW_MS

    def __call__(self) -> int:
        return self.now_ms

    def pass_days(self, days: float) -> None:
        self.now_ms += round(days * DAY_MS)


class LocalPartner:
    """What may be seen stands in a dict, and reports are kept by their event id."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.ready = True
        self.stale = False
        self.seen: dict[str, PartnerScore] = {}
        self.reports: dict[str, OutcomeReport] = {}
        self.asked: list[str] = []
        self.outcomes_waiting = 0

    @property
    def subjects(self) -> int:
        return len(self.seen)

    @property
    def state(self) -> State:
        return State(Phase.FOLLOWING, self.ready, NOW_MS, None, self.stale)

    def decide(self, subject: str, purpose: Purpose) -> Decision:
        assert purpose == self.policy.purpose
        self.asked.append(subject)
        return decide(self.seen.get(subject), self.policy, TEXTS)

    def report(self, outcome: OutcomeReport) -> str:
        assert outcome.event_id is not None
        self.reports[outcome.event_id] = outcome
        return outcome.event_id

    def show(self, subject: str, admitted: Admitted) -> None:
        policy = self.policy
        self.seen[subject] = PartnerScore(
            subject=subject,
            partner_id=policy.partner_id,
            purpose=policy.purpose,
            disclosure=Disclosure.ADMIT,
            admitted=admitted,
            band=None,
            score=None,
            threshold=policy.threshold,
            reasons=() if admitted is Admitted.YES else ("LATE_PAYMENTS",),
            model="default@1",
            as_of_ms=NOW_MS - NOW_MS % DAY_MS,
            grant_expires_at_ms=None,
            sequence=1,
        )


class Local:
    """A service whose background work is done when the test says so."""

    def __init__(self, partner_id: str, folder: Path) -> None:
        self.clock = Clock()
        self.file = folder / "orders.db"
        self.partner = LocalPartner(load_registry(partners_file()).policy(partner_id))
        for subject, admitted in (("good", Admitted.YES), ("poor", Admitted.NO)):
            self.partner.show(subject, admitted)
        self.service = self.made(partner_id)

    def made(self, partner_id: str) -> AnyService:
        database = open_database(
            SecretStr(f"sqlite:///{self.file}"), "rental_database", Path("unused")
        )
        line = line_of(partner_id, settings.load())
        metrics = ServiceMetrics(partner_id, CollectorRegistry(), line.statuses)
        return Service(line, self.partner, database, metrics, self.clock)

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def sending() -> httpx.Response:
            transport = httpx.ASGITransport(self.service.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
                return await client.request(method, path, **options)

        if options.get("json", 0) is None:
            del options["json"]
        return asyncio.run(sending())

    def post(self, path: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        answer = self.send("POST", path, headers=headers, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def get(self, path: str) -> Any:
        answer = self.send("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def time_passes(self, days: float) -> None:
        self.clock.pass_days(days)
        self.service.desk.sweep()

    def told(self) -> list[OutcomeReport]:
        """All reports, after those waiting were handed over."""
        while self.service.outbox.deliver():
            pass
        return list(self.partner.reports.values())

    def statuses(self) -> list[str]:
        return [str(report.status) for report in self.told()]


@contextmanager
def local(partner_id: str, folder: Path) -> Iterator[Local]:
    made = Local(partner_id, folder)
    yield made
    made.service.desk.database.close()
