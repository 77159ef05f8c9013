"""How much of everything so many people need: arithmetic on the kept figures of `--scale`.

What is measured comes from the cell of the grid with most people: there nearly every event is of
another person, as in a life of many people. What is assumed is named here, with its reason.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import Any

SIZES = (1_000_000, 100_000_000, 1_000_000_000)
_DAY_S = 86_400
_MB, _GB, _TB = 10**6, 10**9, 10**12


@dataclass(frozen=True, slots=True)
class Assumed:
    """What nobody measured: choices, and properties of machines that one would rent."""

    events_a_person_day: float = 2.0
    """Two payments or purchases a day of everybody."""
    peak_over_mean: float = 5.0
    """The busiest second of a shopping day over the mean one."""
    load_at_peak: float = 0.5
    """Of a core's capacity: so that half of the workers can carry all, and latency stays low."""
    worker_memory_bytes: int = 16 * _GB
    """A worker's limit: more people in one process take longer to restore."""
    changes_a_partition: int = 2
    """Partitions for each worker, so that work can be spread when one joins or leaves."""
    people_a_partition: int = 1_000_000
    """What one restore has to read at most."""
    replicas: int = 3
    broker_write_bytes_s: int = 100 * _MB
    """What a broker with a 10 Gbit/s network and an SSD takes, copies of others included."""
    broker_disk_bytes: int = 4 * _TB
    input_days: int = 7
    change_days: int = 90
    changelog_over_state: float = 2.0
    """A compacted log before the cleaner runs, over what it will leave."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Of the cell with most people: per event, per person, and of a core."""

    people: int
    events_per_cpu_second: float
    input_bytes: float
    output_bytes: float
    change_bytes: float
    person_bytes: float
    state_bytes: float
    empty_bytes: float

    @classmethod
    def of(cls, result: Mapping[str, Any]) -> "Measured":
        """What `sesame bench --scale` kept."""
        most = max(run["cell"]["people"] for run in result["runs"])
        runs = [run for run in result["runs"] if run["cell"]["people"] == most]
        held = [each for each in result["summaries"] if each["people"] == most]

        def an_event(name: str) -> float:
            return float(median(_written(run, name) / run["events"] for run in runs))

        return cls(
            people=most,
            events_per_cpu_second=median(each["events_per_cpu_second"] for each in held),
            input_bytes=median(run["input_bytes"] / run["events"] for run in runs),
            output_bytes=median(
                sum(_written(run, name) for name in run["written"]) / run["events"] for run in runs
            ),
            change_bytes=an_event("score-changes"),
            person_bytes=median(each["bytes_a_person"] for each in held),
            state_bytes=median(run["changelog_bytes"] / most for run in runs),
            empty_bytes=float(result["empty_rss_mb"]) * _MB,
        )


@dataclass(frozen=True, slots=True)
class Line:
    """One figure and how it comes about."""

    name: str
    value: float
    arithmetic: str
    unit: str = ""


def lines(people: int, m: Measured, a: Assumed) -> Iterator[Line]:
    """Everything that so many people need, each from those before."""
    mean = people * a.events_a_person_day / _DAY_S
    yield Line("events/s, mean", mean, f"{people:,} * {a.events_a_person_day:g} / {_DAY_S:,}")
    peak = mean * a.peak_over_mean
    yield Line("events/s, peak", peak, f"{mean:,.0f} * {a.peak_over_mean:g}")
    cores = peak / (m.events_per_cpu_second * a.load_at_peak)
    yield Line(
        "worker cores", cores, f"{peak:,.0f} / ({m.events_per_cpu_second:,.0f} * {a.load_at_peak})"
    )
    memory = people * m.person_bytes
    yield Line("state in memory", memory / _GB, f"{people:,} * {m.person_bytes:,.0f} B", "GB")
    room = a.worker_memory_bytes - m.empty_bytes
    workers = max(2, ceil(cores), ceil(memory / room))
    yield Line(
        "workers",
        workers,
        f"most of 2, {cores:,.2f} cores, {memory / _GB:,.1f} GB / {room / _GB:,.1f} GB",
    )
    wanted = max(workers * a.changes_a_partition, people / a.people_a_partition)
    partitions = 2 ** max(3, (ceil(wanted) - 1).bit_length())
    yield Line(
        "partitions of each topic",
        partitions,
        f"power of two from {workers:,} * {a.changes_a_partition} and {people:,} / "
        f"{a.people_a_partition:,} on",
    )
    yield from _network(people, mean, peak, m, a)


def _network(people: int, mean: float, peak: float, m: Measured, a: Assumed) -> Iterator[Line]:
    taken = peak * m.input_bytes
    yield Line("into the brokers", taken / _MB, f"{peak:,.0f} * {m.input_bytes:,.0f} B", "MB/s")
    given = peak * m.output_bytes
    yield Line("written by workers", given / _MB, f"{peak:,.0f} * {m.output_bytes:,.0f} B", "MB/s")
    written = (taken + given) * a.replicas
    yield Line(
        "written by all brokers",
        written / _MB,
        f"({taken / _MB:,.1f} + {given / _MB:,.1f}) * {a.replicas}",
        "MB/s",
    )
    inputs = mean * _DAY_S * a.input_days * m.input_bytes
    changes = mean * _DAY_S * a.change_days * m.change_bytes
    changelog = people * m.state_bytes * a.changelog_over_state
    disk = (inputs + changes + changelog) * a.replicas
    yield Line(
        "disk of all brokers",
        disk / _TB,
        f"({inputs / _TB:,.3f} inputs of {a.input_days} d + {changes / _TB:,.3f} score changes of "
        f"{a.change_days} d + {changelog / _TB:,.3f} changelog) * {a.replicas}",
        "TB",
    )
    brokers = max(
        a.replicas, ceil(written / a.broker_write_bytes_s), ceil(disk / a.broker_disk_bytes)
    )
    yield Line(
        "brokers",
        brokers,
        f"most of {a.replicas}, {written / _MB:,.0f} / {a.broker_write_bytes_s / _MB:,.0f} MB/s, "
        f"{disk / _TB:,.2f} / {a.broker_disk_bytes / _TB:,.0f} TB",
    )


def _written(run: Mapping[str, Any], name: str) -> int:
    volume: int = run["written"].get(name, {"value_bytes": 0})["value_bytes"]
    return volume
