"""What a service counts beside what its client does, for Prometheus; no label names a person."""

from collections.abc import Iterable, Mapping
from http import HTTPMethod

from prometheus_client import CollectorRegistry, Gauge, Histogram

_LATENCIES_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0)

_METHODS = frozenset(HTTPMethod)


class ServiceMetrics:
    """The metrics of one service.

    Args:
        partner_id: Whose they are.
        registry: Where they are collected, with the client's.
        statuses: All a contract may have, so that none is missing.
    """

    def __init__(
        self, partner_id: str, registry: CollectorRegistry, statuses: Iterable[str]
    ) -> None:
        self.registry = registry
        self._partner = partner_id
        self._statuses = tuple(statuses)
        self._contracts = Gauge(
            "sesame_partner_contracts",
            "Contracts by status.",
            ("partner", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "sesame_partner_request_seconds",
            "Seconds to answer a request, by route and status.",
            ("partner", "method", "route", "status"),
            registry=registry,
            buckets=_LATENCIES_S,
        )
        self._waiting = Gauge(
            "sesame_partner_reports_waiting",
            "Reports not yet handed over to the client.",
            ("partner",),
            registry=registry,
        ).labels(partner_id)
        self._refused = Gauge(
            "sesame_partner_reports_refused",
            "Reports the client refused since the start.",
            ("partner",),
            registry=registry,
        ).labels(partner_id)

        self._stuck = Gauge(
            "sesame_partner_contracts_stuck",
            "Contracts that time should have moved on and that could not be.",
            ("partner",),
            registry=registry,
        ).labels(partner_id)

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request; methods of the sender's invention are OTHER."""
        method = method if method in _METHODS else "OTHER"
        self._seconds.labels(self._partner, method, route, str(status)).observe(seconds)

    def show_contracts(self, counts: Mapping[str, int], stuck: int) -> None:
        """Show how many contracts there are, by status, and how many cannot be moved on."""
        self._stuck.set(stuck)
        for status in self._statuses:
            self._contracts.labels(self._partner, status).set(counts.get(status, 0))

    def show_reports(self, *, waiting: int, refused: int) -> None:
        """Show the state of the outbox."""
        self._waiting.set(waiting)
        self._refused.set(refused)
