"""Reports on their way out: from the rows written with each move to the partner's client.

At least once: a report that was handed over but not yet marked is handed over again after a
crash, under the same event id, which makes it one.
"""

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import RowMapping

from pipeline.errors import RefusedError
from pipeline.partners.records import OutcomeReport
from pipeline.partners.services.database import Database
from pipeline.partners.services.partner import Partner
from pipeline.partners.vocabulary import ContractKind, ContractStatus
from pipeline.topics import DAY_MS

BATCH_MAX = 200
KEPT_MS = 30 * DAY_MS
"""How long a report that was handed over is kept, to look up what was told."""
FORGET_EVERY_MS = 3_600_000
_FORGOTTEN_MAX = 10_000
"""Reports forgotten at once; the others follow an hour later."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is still to be handed over: how many, and the oldest one's time; None: none."""

    reports: int
    oldest_ms: int | None


class Outbox:
    """Hands the reports of one service over to the partner's client, oldest first.

    Args:
        database: Open, with the table.
        table: Of the reports.
        kind: Of the service's contracts.
        partner: Takes the reports for good.
        clock_ms: Wall time.
    """

    def __init__(
        self,
        database: Database,
        table: sa.Table,
        kind: ContractKind,
        partner: Partner,
        clock_ms: Callable[[], int],
    ) -> None:
        self._database = database
        self._table = table
        self._kind = kind
        self._partner = partner
        self._clock_ms = clock_ms
        self._forget_at_ms = 0
        self.delivered = 0
        """Reports handed over by this process."""
        self.refused = 0
        """Reports the client refused, which are left out for good."""

    def deliver(self) -> bool:
        """Hand over some reports; returns whether there may be more."""
        table = self._table
        waiting = table.select().where(table.c.delivered_at_ms.is_(None))
        with self._database.read() as connection:
            query = waiting.order_by(table.c.seq).limit(BATCH_MAX)
            rows = connection.execute(query).mappings().all()
        done: list[int] = []
        try:
            for row in rows:
                self._hand_over(row)
                done.append(row["seq"])
        finally:
            self._mark(done)
        self._forget()
        return len(rows) == BATCH_MAX

    def waiting(self) -> Waiting:
        """What is still to be handed over."""
        table = self._table
        query = sa.select(sa.func.count(), sa.func.min(table.c.occurred_at_ms))
        with self._database.read() as connection:
            row = connection.execute(query.where(table.c.delivered_at_ms.is_(None))).one()
        return Waiting(row[0], row[1])

    def _hand_over(self, row: RowMapping) -> None:
        try:
            self._partner.report(report_of(row, self._kind))
        except (RefusedError, ValueError) as error:
            # It will not be taken later either, and those behind it must not wait for it.
            self.refused += 1
            log.warning("report refused", event_id=row["event_id"], error=str(error))
        else:
            self.delivered += 1

    def _mark(self, done: list[int]) -> None:
        if not done:
            return
        table = self._table
        with self._database.write() as connection:
            marked = table.update().where(table.c.seq.in_(done))
            connection.execute(marked.values(delivered_at_ms=self._clock_ms()))

    def _forget(self) -> None:
        """Remove what was handed over long ago."""
        now_ms, table = self._clock_ms(), self._table
        if now_ms < self._forget_at_ms:
            return
        old = sa.select(table.c.seq).where(table.c.delivered_at_ms < now_ms - KEPT_MS)
        with self._database.write() as connection:
            oldest = connection.scalars(old.order_by(table.c.seq).limit(_FORGOTTEN_MAX)).all()
            if oldest:
                forgotten = table.c.seq <= oldest[-1], table.c.delivered_at_ms < now_ms - KEPT_MS
                connection.execute(table.delete().where(*forgotten))
        self._forget_at_ms = now_ms + FORGET_EVERY_MS


def report_of(row: RowMapping, kind: ContractKind) -> OutcomeReport:
    """The report of a row."""
    return OutcomeReport(
        contract_id=row["contract_id"],
        subject=row["subject"],
        kind=kind,
        status=ContractStatus(row["status"]),
        occurred_at_ms=row["occurred_at_ms"],
        amount_minor=row["amount_minor"],
        due_at_ms=row["due_at_ms"],
        evidence=row["evidence"],
        event_id=row["event_id"],
    )
