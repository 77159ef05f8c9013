"""The metrics of lanes, whatever flow they carry; names and help texts are what the docs list."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from prometheus_client import Counter, Gauge, Histogram

EVENTS = Counter(
    "sesame_events", "Input records by topic and what became of them", ["topic", "outcome"]
)
DEAD_LETTERS = Counter("sesame_dead_letters", "Dead letters by reason", ["topic", "reason"])
BATCH_RECORDS = Histogram(
    "sesame_batch_records",
    "Records applied in one transaction",
    buckets=(1, 10, 100, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000),
)
PHASE_SECONDS = Histogram(
    "sesame_phase_seconds",
    "Seconds of a batch by phase; commit waits for the broker",
    ["phase"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
CONSUMER_LAG = Gauge(
    "sesame_consumer_lag_records", "Records written but not yet applied", ["topic", "partition"]
)
CHANGELOG_RECORDS = Counter("sesame_changelog_records", "Changelog records written")
HOLE_RECORDS = Counter(
    "sesame_hole_records", "Records read directly, as the group's offsets had skipped them"
)
RECOVERY_SECONDS = Histogram(
    "sesame_recovery_seconds",
    "Seconds to restore a partition",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
RECOVERY_RECORDS = Counter(
    "sesame_recovery_records",
    "Changelog records read to take partitions over, from nothing (cold), a checkpoint (disk) or "
    "a copy (warm)",
    ["start"],
)
RECOVERY_REMAINING = Gauge(
    "sesame_recovery_remaining_records", "Changelog offsets still to be read", ["partition"]
)


@contextmanager
def phase(name: str) -> Iterator[None]:
    """Time a phase of a batch."""
    started = time.perf_counter()
    try:
        yield
    finally:
        _phase(name).observe(time.perf_counter() - started)


@cache
def _phase(name: str) -> Histogram:
    return PHASE_SECONDS.labels(name)


def forget_partition(partition: int) -> None:
    """Drop the gauges of a partition that is no longer owned."""
    for gauge in (CONSUMER_LAG, RECOVERY_REMAINING):
        gauge.remove_by_labels({"partition": str(partition)})
