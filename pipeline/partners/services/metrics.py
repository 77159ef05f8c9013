"""What a service counts, for Prometheus; no label names a person."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from pipeline.partners.decision import Decision
from pipeline.partners.registry import Policy

_LATENCIES_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0)


class ServiceMetrics:
    """The metrics of one service.

    Args:
        policy: The partner's terms.
        registry: Where they are registered.
        statuses: All a contract may have, so that none is missing.
    """

    def __init__(
        self, policy: Policy, registry: CollectorRegistry, statuses: Iterable[str]
    ) -> None:
        names = ("partner", "purpose")
        values = (policy.partner_id, str(policy.purpose))
        self.registry = registry
        self._values = values
        self._statuses = tuple(statuses)
        self._decisions = Counter(
            "sesame_partner_decisions",
            "Decisions made, by outcome and whether the score was admitted.",
            (*names, "outcome", "admitted"),
            registry=registry,
        )
        self._contracts = Gauge(
            "sesame_partner_contracts",
            "Contracts by status.",
            (*names, "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "sesame_partner_request_seconds",
            "Seconds to answer a request, by route and status.",
            (*names, "method", "route", "status"),
            registry=registry,
            buckets=_LATENCIES_S,
        )

        def gauge(name: str, meaning: str) -> Gauge:
            return Gauge(name, meaning, names, registry=registry).labels(*values)

        self._ready = gauge(
            "sesame_partner_ready", "Whether the view has caught up with the topic."
        )
        self._subjects = gauge("sesame_partner_subjects", "People of whom something may be seen.")
        self._waiting = gauge(
            "sesame_partner_reports_waiting", "Reports not yet handed over to the client."
        )
        self._refused = gauge(
            "sesame_partner_reports_refused", "Reports the client refused since the start."
        )

    def count_decision(self, decision: Decision) -> None:
        """Count one decision."""
        self._decisions.labels(*self._values, decision.outcome, decision.admitted).inc()

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        self._seconds.labels(*self._values, method, route, str(status)).observe(seconds)

    def show_view(self, *, ready: bool, subjects: int) -> None:
        """Show the state of the local view."""
        self._ready.set(ready)
        self._subjects.set(subjects)

    def show_contracts(self, counts: dict[str, int]) -> None:
        """Show how many contracts there are, by status."""
        for status in self._statuses:
            self._contracts.labels(*self._values, status).set(counts.get(status, 0))

    def show_reports(self, *, waiting: int, refused: int) -> None:
        """Show the state of the outbox."""
        self._waiting.set(waiting)
        self._refused.set(refused)
