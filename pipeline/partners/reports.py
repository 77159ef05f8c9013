"""Reporting outcomes: kept on disk first, delivered at least once, in the order reported."""

import contextlib
import threading
from collections.abc import Callable, Sequence

from pipeline.codec.encode import encode_records
from pipeline.codec.registry import SchemaRegistry
from pipeline.errors import SesameError
from pipeline.partners.delivery import Delivery, Parcel
from pipeline.partners.outbox import Outbox
from pipeline.partners.outcomes import (
    RefusedOutcomeError,
    check_outcome,
    identified,
    outcome_fields,
)
from pipeline.partners.records import OutcomeReport
from pipeline.partners.tally import Tally
from pipeline.partners.vocabulary import ContractKind, ContractStatus
from pipeline.settings import Settings
from pipeline.topics import partner_outcomes

AT_ONCE_MAX = 500
"""Outcomes sent before their acknowledgements are waited for."""
_NOTHING = OutcomeReport("", "", ContractKind.OTHER, ContractStatus.OPENED, 0, event_id="")


class Reporter:
    """Takes reports and sees them through to the partner's outcomes topic.

    Args:
        settings: Brokers, security, topic prefix.
        partner_id: Who reports.
        registry: Knows the schema of outcomes.
        outbox: Where they wait; belongs to this reporter.
        clock_ms: Wall time.
    """

    def __init__(
        self,
        settings: Settings,
        partner_id: str,
        registry: SchemaRegistry,
        outbox: Outbox,
        clock_ms: Callable[[], int],
    ) -> None:
        self._partner_id = partner_id
        self._topic = partner_outcomes(partner_id)
        self._registry = registry
        self._outbox = outbox
        self._clock_ms = clock_ms
        self._arrival = threading.Condition()
        self._delivery = Delivery(settings, settings.topic(self._topic.name), self)
        self.results = Tally()

    @property
    def waiting(self) -> int:
        """Outcomes not yet delivered."""
        return self._outbox.waiting

    @property
    def problem(self) -> str | None:
        """What keeps outcomes from being delivered, in words."""
        return self._delivery.problem

    def start(self) -> None:
        """Start to deliver, with what waits since before."""
        # The first check of a process loads what it needs, which takes long: not in a report.
        with contextlib.suppress(RefusedOutcomeError):
            check_outcome(_NOTHING, self._partner_id, 0)
        self._delivery.start()

    def end(self) -> None:
        """Stop soon; what waits, waits for the next start."""
        self._delivery.end()

    def join(self) -> None:
        """Wait until it has stopped."""
        self._delivery.join()

    def report(self, report: OutcomeReport) -> str:
        """Take in a report; it is on disk when this returns.

        Returns:
            Its event id. The same report, made again within the retention of its topic, is
            delivered no second time.

        Raises:
            RefusedError: It breaks a rule, or its event id was used for another.
            OutboxFullError: Too many wait for a broker.
        """
        now_ms = self._clock_ms()
        named = identified(report, self._partner_id)
        check_outcome(named, self._partner_id, now_ms)
        fields = outcome_fields(named)
        fresh = self._outbox.add(fields)
        self.results.add("reported" if fresh else "repeat")
        self._delivery.wake()
        return str(fields["event_id"])

    def flush(self, timeout_s: float) -> None:
        """Wait until nothing waits any more.

        Raises:
            SesameError: Something still does; it stays in the outbox.
        """
        with self._arrival:
            if self._arrival.wait_for(lambda: self.waiting == 0, timeout_s):
                return
        because = f": {self.problem}" if self.problem else ""
        raise SesameError(f"outcomes still wait after {timeout_s:g} s ({self.waiting}){because}")

    def take(self) -> Sequence[Parcel]:
        """See `Load.take`."""
        waiting = self._outbox.head(AT_ONCE_MAX)
        values = encode_records(self._topic.subject, [w.fields for w in waiting], self._registry)
        return [
            Parcel(w.position, w.fields["subject"].encode(), value)
            for w, value in zip(waiting, values, strict=True)
        ]

    def done(self, delivered: Sequence[Parcel]) -> None:
        """See `Load.done`."""
        if not delivered:
            return
        now_ms = self._clock_ms()
        positions = [parcel.number for parcel in delivered]
        self._outbox.delivered(positions, now_ms, now_ms - self._topic.retention_ms)
        self.results.add("delivered", len(delivered))
        with self._arrival:
            self._arrival.notify_all()
