"""One running service: its contracts, its routes, its work in the background."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import sqlalchemy as sa
import structlog
from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from pipeline.errors import SesameError
from pipeline.partners.services.app import About, ServiceApp
from pipeline.partners.services.background import Repeating
from pipeline.partners.services.contracts import Contract, Move
from pipeline.partners.services.database import Database
from pipeline.partners.services.deciding import Deciding
from pipeline.partners.services.desk import SWEEP_MAX, Desk, Filed
from pipeline.partners.services.health import health_routes
from pipeline.partners.services.idempotency import Idempotency
from pipeline.partners.services.metrics import ServiceMetrics
from pipeline.partners.services.outbox import Outbox, Waiting
from pipeline.partners.services.pages import page_routes
from pipeline.partners.services.partner import Partner
from pipeline.partners.services.schema import prepare
from pipeline.partners.services.store import ContractStore, Rows
from pipeline.partners.services.tables import Tables
from pipeline.partners.services.web import Counter
from pipeline.partners.vocabulary import ContractKind, Fallback, Purpose

SWEEP_S = 1.0
"""What time moves on is moved at the latest so long after."""
DELIVER_S = 1.0
"""What another process of the same database left is found within this time."""
GATHER_S = 0.05
"""Reports are handed over by the batch: one at a time they would cost more than the orders."""

C = TypeVar("C", bound=Contract)

log = structlog.get_logger()


@dataclass(frozen=True)
class Line(Generic[C]):
    """What makes a service the one it is."""

    name: str
    kind: ContractKind
    purpose: Purpose
    fallback: Fallback
    about: About
    metadata: sa.MetaData
    tables: Tables
    rows: Rows[C]
    statuses: tuple[str, ...]
    lapse: Move[C]
    render: Callable[[Filed[C]], BaseModel]
    routes: Callable[[Counter[C], Deciding], APIRouter]


class Service(Generic[C]):
    """A service on an open database; as a context manager its background work runs.

    Args:
        line: Which service.
        partner: The client.
        database: Open; closed by whoever opened it, after this service ended.
        metrics: Where to count.
        clock_ms: Wall time.
    """

    def __init__(
        self,
        line: Line[C],
        partner: Partner,
        database: Database,
        metrics: ServiceMetrics,
        clock_ms: Callable[[], int],
    ) -> None:
        prepare(database, line.name, line.metadata)
        self.partner = partner
        store = ContractStore(line.tables, line.rows)
        self.desk = Desk(line.name, database, store, line.lapse, clock_ms)
        self.outbox = Outbox(database, line.tables.outbox, line.kind, partner, clock_ms)
        self._pump = Repeating("outbox", self.outbox.deliver, DELIVER_S, GATHER_S)
        self._clerk = Repeating("clerk", self._sweep, SWEEP_S)
        database.on_committed = self._pump.wake
        idempotency = Idempotency(database, line.tables.keys, clock_ms)
        counter = Counter(self.desk, idempotency, line.render)
        routers = (
            line.routes(counter, Deciding(partner, line.purpose)),
            health_routes(self, metrics, clock_ms),
            page_routes(line.about),
        )
        self.app = ServiceApp(line.about, routers, metrics)
        self._running = ExitStack()

    def __enter__(self) -> Self:
        """Start the work in the background."""
        with ExitStack() as starting:
            # The clerk stops first, as its moves are reported too.
            starting.callback(self._hand_over_the_rest)
            starting.enter_context(self._pump)
            starting.enter_context(self._clerk)
            self._running = starting.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop it; what was not handed over waits in the database."""
        self._running.__exit__(kind, error, traceback)

    @property
    def working(self) -> bool:
        """Whether the background work runs and succeeds."""
        return all(work.alive and not work.failures for work in (self._pump, self._clerk))

    @property
    def refused(self) -> int:
        """Reports the client refused."""
        return self.outbox.refused

    @property
    def stuck(self) -> int:
        """Contracts that time should have moved on and that could not be."""
        return self.desk.stuck

    def waiting(self) -> Waiting:
        """Reports on their way."""
        return self.outbox.waiting()

    def counts(self) -> dict[str, int]:
        """Contracts by status."""
        return self.desk.counts()

    def _hand_over_the_rest(self) -> None:
        try:
            while self.outbox.deliver():
                pass
        except (SesameError, SQLAlchemyError) as error:
            log.warning("reports wait for the next start", error=str(error))

    def _sweep(self) -> bool:
        return self.desk.sweep() == SWEEP_MAX


AnyService = Service[Any]
