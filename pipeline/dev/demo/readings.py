"""What the worker, the gateway and the partners say of themselves on /metrics."""

from collections import Counter
from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families

from pipeline.topics import CONSENTS, PEER_SIGNALS

_TIMEOUT_S = 30.0
_WILDCARDS = {"0.0.0.0", "::"}  # noqa: S104 - recognised, not bound

Samples = list[tuple[str, dict[str, str], float]]


@dataclass(frozen=True, slots=True)
class WorkerReading:
    """A worker's counters.

    ``outcomes`` counts records of the input topics that producers write, by what became of
    them; signals between people, which the pipeline writes itself, are counted apart.
    """

    outcomes: Counter[str]
    consents: int
    """Consents that are done with."""
    signals_sent: int
    signals_taken: int
    dead_letters: int
    scores: int
    """Score records written, erasures included."""
    changes: int
    """Changelog records written: grows with everything the worker does."""
    people: int
    """People with a row."""

    @property
    def taken(self) -> int:
        """Producers' records that are done with."""
        return self.outcomes.total()

    @property
    def signals_waiting(self) -> int:
        """Signals written but not yet applied."""
        return self.signals_sent - self.signals_taken


@dataclass(frozen=True, slots=True)
class GatewayReading:
    """The gateway's counters.

    ``consents`` and ``scores`` are records it is done with; ``shown`` those it wrote for
    partners, ``null`` included.
    """

    consents: int
    scores: int
    shown: int


@dataclass(frozen=True, slots=True)
class PartnerReading:
    """A partner service's counters; ``records`` are those it has read of its own topic."""

    ready: bool
    subjects: int
    records: int


class Endpoint:
    """A process' web server."""

    def __init__(self, bind: str, port: int) -> None:
        host = "127.0.0.1" if bind in _WILDCARDS else bind
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        # No proxy of the environment stands between us and our own children.
        self._client = httpx.Client(base_url=self.url, timeout=_TIMEOUT_S, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def ready(self) -> bool:
        """Whether ``/health/ready`` says so; a server that does not answer is not."""
        try:
            return self._client.get("/health/ready").is_success
        except httpx.HTTPError:
            return False

    def metrics(self) -> str | None:
        """The text of ``/metrics``; None when it does not answer."""
        try:
            answer = self._client.get("/metrics")
        except httpx.HTTPError:
            return None
        return answer.text if answer.is_success else None


def read_worker(text: str) -> WorkerReading:
    """Read a worker's metrics."""
    samples = _samples(text)
    outcomes: Counter[str] = Counter()
    signals_taken = consents = 0
    for _, labels, value in _named(samples, "sesame_events_total"):
        if labels["topic"] == PEER_SIGNALS.name:
            signals_taken += int(value)
            continue
        outcomes[labels["outcome"]] += int(value)
        if labels["topic"] == CONSENTS.name:
            consents += int(value)
    return WorkerReading(
        outcomes=outcomes,
        consents=consents,
        signals_sent=_sum(samples, "sesame_peer_signals_total"),
        signals_taken=signals_taken,
        dead_letters=_sum(samples, "sesame_dead_letters_total"),
        scores=_sum(samples, "sesame_scores_published_total")
        + _sum(samples, "sesame_scores_erased_total"),
        changes=_sum(samples, "sesame_changelog_records_total"),
        people=_sum(samples, "sesame_rows"),
    )


def read_gateway(text: str) -> GatewayReading:
    """Read a gateway's metrics."""
    samples = _samples(text)
    records: Counter[str] = Counter()
    for _, labels, value in _named(samples, "sesame_gateway_records_total"):
        records[labels["kind"]] += int(value)
    told = _named(samples, "sesame_gateway_disclosures_total")
    written = ("SHOWN", "ENDED")
    return GatewayReading(
        consents=records["consents"],
        scores=records["scores"],
        shown=sum(int(value) for _, labels, value in told if labels["kind"] in written),
    )


def read_partner(text: str) -> PartnerReading:
    """Read a partner service's metrics."""
    samples = _samples(text)
    return PartnerReading(
        ready=bool(_sum(samples, "sesame_partner_ready")),
        subjects=_sum(samples, "sesame_partner_subjects"),
        records=_sum(samples, "sesame_partner_records_total"),
    )


def _samples(text: str) -> Samples:
    return [
        (sample.name, sample.labels, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]


def _named(samples: Samples, name: str) -> Samples:
    return [sample for sample in samples if sample[0] == name]


def _sum(samples: Samples, name: str) -> int:
    return sum(int(value) for _, _, value in _named(samples, name))
