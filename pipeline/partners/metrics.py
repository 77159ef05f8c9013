"""What a partner counts, for Prometheus."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from pipeline.partners.decision import Decision


@dataclass(frozen=True, slots=True)
class Reading:
    """A partner's counts and states at one moment.

    ``subjects`` are by purpose; ``records``, ``outcomes`` and ``enquiries`` count by result
    since the start; ``stale_s`` is how long ago nothing was missing, None before it was ever
    so.
    """

    ready: bool = False
    following: bool = False
    stale_s: float | None = None
    subjects: Mapping[str, int] = field(default_factory=dict)
    records: Mapping[str, int] = field(default_factory=dict)
    outcomes: Mapping[str, int] = field(default_factory=dict)
    outcomes_waiting: int = 0
    enquiries: Mapping[str, int] = field(default_factory=dict)
    enquiries_waiting: int = 0
    callback_errors: int = 0
    repeated_answers: int = 0


class PartnerMetrics(Collector):
    """The metrics of one partner; no label names a person.

    Args:
        partner_id: Whose they are.
        registry: Where they are collected.
        read: Asked for what to show at each collection.
    """

    def __init__(
        self,
        partner_id: str,
        registry: CollectorRegistry,
        read: Callable[[], Reading],
    ) -> None:
        self._partner = partner_id
        self._read = read
        self._decisions = Counter(
            "sesame_partner_decisions",
            "Decisions made, by outcome and whether the score was admitted.",
            ("partner", "purpose", "outcome", "admitted"),
            registry=registry,
        )
        registry.register(self)

    def count_decision(self, purpose: str, decision: Decision) -> None:
        """Count one decision."""
        self._decisions.labels(self._partner, purpose, decision.outcome, decision.admitted).inc()

    def collect(self) -> Iterator[Metric]:
        """The counts and states, as read now."""
        reading = self._read()
        yield self._counted("records", "Records read, by what became of them.", reading.records)
        yield self._counted("outcomes", "Outcomes, by what became of them.", reading.outcomes)
        yield self._counted("enquiries", "Enquiries, by what became of them.", reading.enquiries)
        yield self._subjects(reading)
        for name, text, value in _states(reading):
            family = GaugeMetricFamily(f"sesame_partner_{name}", text, labels=("partner",))
            if value is not None:
                family.add_metric((self._partner,), value)
            yield family

    def _counted(self, name: str, text: str, counts: Mapping[str, int]) -> Metric:
        family = CounterMetricFamily(f"sesame_partner_{name}", text, labels=("partner", "result"))
        for result, count in sorted(counts.items()):
            family.add_metric((self._partner, result), count)
        return family

    def _subjects(self, reading: Reading) -> Metric:
        family = GaugeMetricFamily(
            "sesame_partner_subjects", "People who may be seen.", labels=("partner", "purpose")
        )
        for purpose, count in reading.subjects.items():
            family.add_metric((self._partner, purpose), count)
        return family


def _states(reading: Reading) -> list[tuple[str, str, float | None]]:
    """Name, description and value of what has no other label."""
    return [
        ("ready", "Whether the view was read to its topic's end.", reading.ready),
        ("following", "Whether the view is up with its topic now.", reading.following),
        ("stale_seconds", "How long ago nothing was missing.", reading.stale_s),
        ("outcomes_waiting", "Outcomes not yet delivered.", reading.outcomes_waiting),
        ("enquiries_waiting", "Enquiries not yet delivered.", reading.enquiries_waiting),
        ("callback_errors", "Callbacks that failed since the start.", reading.callback_errors),
        ("repeated_answers", "Answers repeated since the start.", reading.repeated_answers),
    ]
