"""The metrics of warm copies; names and help texts are what the docs list."""

from prometheus_client import Gauge

from pipeline.streaming.copy import Copy
from pipeline.streaming.store import PartitionStore

LAG = Gauge(
    "sesame_standby_lag_records",
    "Changelog offsets that the warm copy of a partition others own lacks",
    ["partition"],
)
READY = Gauge(
    "sesame_standby_ready", "Whether a warm copy was at its changelog's end", ["partition"]
)
PEOPLE = Gauge("sesame_standby_rows", "People with a row in a warm copy", ["partition"])
STATE_BYTES = Gauge("sesame_standby_state_bytes", "Bytes of rows a warm copy holds", ["partition"])


def observe(copy: Copy[PartitionStore], lag: int | None) -> None:
    """Say where a copy stands; the lag is None before the broker has told its changelog's end."""
    PEOPLE.labels(copy.partition).set(len(copy.store))
    STATE_BYTES.labels(copy.partition).set(copy.store.nbytes)
    READY.labels(copy.partition).set(lag == 0)
    if lag is not None:
        LAG.labels(copy.partition).set(lag)


def forget_partition(partition: int) -> None:
    """Drop the gauges of a copy that is no longer held."""
    for gauge in (LAG, READY, PEOPLE, STATE_BYTES):
        gauge.remove_by_labels({"partition": str(partition)})
