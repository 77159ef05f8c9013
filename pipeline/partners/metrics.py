"""What a partner service counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from pipeline.partners.decision import Decision
from pipeline.partners.registry import Policy


class PartnerMetrics:
    """The metrics of one partner service; no label names a person."""

    def __init__(self, policy: Policy, registry: CollectorRegistry) -> None:
        labels = ("partner", "purpose")
        self._values = (policy.partner_id, str(policy.purpose))
        self._records = Counter(
            "sesame_partner_records",
            "Records read, by topic and what became of them.",
            (*labels, "topic", "result"),
            registry=registry,
        )
        self._decisions = Counter(
            "sesame_partner_decisions",
            "Decisions made, by outcome and whether the score was admitted.",
            (*labels, "outcome", "admitted"),
            registry=registry,
        )
        self._subjects = Gauge(
            "sesame_partner_subjects",
            "People with a grant in force.",
            labels,
            registry=registry,
        ).labels(*self._values)
        self._ready = Gauge(
            "sesame_partner_ready",
            "Whether the view has caught up with the topics since the start.",
            labels,
            registry=registry,
        ).labels(*self._values)

    def count_records(self, topic: str, results: dict[str, int]) -> None:
        """Add to the records read from a topic, by result."""
        for result, count in results.items():
            self._records.labels(*self._values, topic, result).inc(count)

    def count_decision(self, decision: Decision) -> None:
        """Count one decision."""
        self._decisions.labels(*self._values, decision.outcome, decision.admitted).inc()

    def show(self, *, subjects: int, ready: bool) -> None:
        """Show the state of the view."""
        self._subjects.set(subjects)
        self._ready.set(ready)
