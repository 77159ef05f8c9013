"""The metrics of the factor pipeline; names and help texts are what the docs list."""

import time
from collections.abc import Iterator
from functools import cache
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from prometheus_client import REGISTRY, Counter, Gauge
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from pipeline.streaming.lane_metrics import (
    BATCH_RECORDS,
    CHANGELOG_RECORDS,
    DEAD_LETTERS,
    EVENTS,
)
from pipeline.streaming.output import Output

SCORE_BUCKETS = (400, 450, 500, 550, 600, 650, 700, 750, 800, 850, 900, 950)
_BUCKETS = np.array(SCORE_BUCKETS)

EVENT_TIME_LAG = Gauge(
    "sesame_event_time_lag_seconds", "Wall time less the newest event time", ["partition"]
)
SCORES_PUBLISHED = Counter("sesame_scores_published", "Score records written")
SCORES_ERASED = Counter("sesame_scores_erased", "People erased")
PEOPLE = Gauge("sesame_rows", "People with a row", ["partition"])
STATE_BYTES = Gauge("sesame_state_bytes", "Bytes of rows held", ["partition"])
PEER_SIGNALS = Counter("sesame_peer_signals", "Signals sent to linked people")
CONSENTS = Counter("sesame_consents", "Consent records applied")


class ScoreDistribution(Collector):
    """A histogram that takes many scores at once; prometheus-client's takes one at a time."""

    def __init__(self) -> None:
        """Start empty, and register."""
        self._counts = np.zeros(len(SCORE_BUCKETS) + 1, np.int64)
        self._sum = 0
        self._lock = Lock()
        REGISTRY.register(self)

    def add(self, scores: NDArray[np.integer]) -> None:
        """Add scores, shape (n,)."""
        if not len(scores):
            return
        slots = np.searchsorted(_BUCKETS, scores, side="left")
        with self._lock:
            self._counts += np.bincount(slots, minlength=len(self._counts))
            self._sum += int(scores.sum())

    def collect(self) -> Iterator[Metric]:
        """What prometheus-client asks for."""
        with self._lock:
            cumulative, total = np.cumsum(self._counts).tolist(), self._sum
        names = [*(str(float(bound)) for bound in SCORE_BUCKETS), "+Inf"]
        yield HistogramMetricFamily(
            "sesame_score",
            "Scores as they are published",
            buckets=list(zip(names, cumulative, strict=True)),
            sum_value=total,
        )


SCORES = ScoreDistribution()


def observe_batch(output: Output, records: int) -> None:
    """Count what a committed batch did."""
    BATCH_RECORDS.observe(records)
    for topic, outcomes in output.outcomes.items():
        for outcome, count in outcomes.items():
            _events(topic, outcome).inc(count)
        if topic == "consents":
            CONSENTS.inc(outcomes.get("applied", 0))


@cache
def _events(topic: str, outcome: str) -> Counter:
    return EVENTS.labels(topic, outcome)


def observe_output(output: Output) -> None:
    """Count what a committed transaction wrote."""
    SCORES_PUBLISHED.inc(len(output.score_changes))
    SCORES_ERASED.inc(len(output.erased))
    CHANGELOG_RECORDS.inc(len(output.changelog))
    PEER_SIGNALS.inc(len(output.peer_signals))
    for letter in output.dead_letters:
        DEAD_LETTERS.labels(letter.topic, letter.reason).inc()
    SCORES.add(output.published_scores)


def observe_partition(partition: int, people: int, state_bytes: int, watermark_ms: int) -> None:
    """Say where a partition stands."""
    PEOPLE.labels(partition).set(people)
    STATE_BYTES.labels(partition).set(state_bytes)
    if watermark_ms:
        EVENT_TIME_LAG.labels(partition).set(time.time() - watermark_ms / 1000)


def forget_partition(partition: int) -> None:
    """Drop the gauges of a partition that is no longer owned."""
    for gauge in (PEOPLE, STATE_BYTES, EVENT_TIME_LAG):
        gauge.remove_by_labels({"partition": str(partition)})
