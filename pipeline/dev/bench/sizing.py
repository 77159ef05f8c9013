"""How much of everything so many people need: arithmetic on the kept figures of `--scale`.

What is measured comes from the grid's cell with most people that is like the middle otherwise:
there nearly every event is of another person, as in a life of many people. What is assumed is
named here, with its reason.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from math import ceil

from pipeline import topics
from pipeline.dev.bench.scale.measured import Measured

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
    """Of a core: so that half of the workers can carry all, and latency stays low."""
    commits_a_partition_s: float = 50.0
    """At most: a lane commits what has come while it committed the last, which takes some 20 ms."""
    worker_memory_bytes: int = 16 * _GB
    """A worker's limit: more people in one process take longer to restore."""
    memory_filled: float = 0.7
    """Of that limit: partitions are not even, and a dead worker's fall to those who are left."""
    standby_copies: float = 1.0
    """Of everybody beside the owner's, with SESAME_STANDBY=1: of two workers each then holds all.
    More of them each follow what they have room for: set SESAME_STANDBY_BYTES_MAX to that."""
    partitions_a_worker: int = 2
    """At least, so that work can be spread when one joins or leaves."""
    people_a_partition: int = 1_000_000
    """What one restore has to read at most."""
    replicas: int = 3
    """One may be down on purpose while another fails."""
    broker_write_bytes_s: int = 100 * _MB
    """What a broker with a 10 Gbit/s network and an SSD takes, copies of others included."""
    broker_disk_bytes: int = 4 * _TB
    """An SSD that one would rent with it."""
    compacted_over_live: float = 2.0
    """A compacted log before the cleaner runs, over what it will leave."""


@dataclass(frozen=True, slots=True)
class Line:
    """One figure and how it comes about."""

    name: str
    value: float
    arithmetic: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class _Rates:
    """Events a second, and transactions in which they are committed."""

    mean: float
    peak: float
    commits_mean: float
    commits_peak: float


def lines(people: int, m: Measured, a: Assumed) -> Iterator[Line]:
    """Everything that so many people need, each from those before."""
    mean = people * a.events_a_person_day / _DAY_S
    yield Line("events/s, mean", mean, f"{people:,} * {a.events_a_person_day:g} / {_DAY_S:,}")
    peak = mean * a.peak_over_mean
    yield Line("events/s, peak", peak, f"{mean:,.0f} * {a.peak_over_mean:g}")
    rate = m.events_per_core_second
    cores = peak / (rate * a.load_at_peak)
    yield Line("worker cores", cores, f"{peak:,.0f} / ({rate:,.0f} * {a.load_at_peak:g})")
    partitions = yield from _workers(people, cores, m, a)
    most = partitions * a.commits_a_partition_s
    rates = _Rates(mean, peak, min(mean, most), min(peak, most))
    yield Line(
        "transactions/s, peak",
        rates.commits_peak,
        f"least of {peak:,.0f} and {partitions:,} * {a.commits_a_partition_s:g}",
    )
    written = yield from _network(rates, m, a)
    disk = yield from _disk(people, rates, m, a)
    brokers = max(
        a.replicas, ceil(written / a.broker_write_bytes_s), ceil(disk / a.broker_disk_bytes)
    )
    yield Line(
        "brokers",
        brokers,
        f"most of {a.replicas}, {written / _MB:,.0f} / {a.broker_write_bytes_s / _MB:,.0f} MB/s, "
        f"{disk / _TB:,.2f} / {a.broker_disk_bytes / _TB:,.0f} TB",
    )


def _workers(people: int, cores: float, m: Measured, a: Assumed) -> Generator[Line, None, int]:
    """Memory, workers and partitions; returns the number of partitions."""
    copies = 1 + a.standby_copies
    memory = people * m.person_bytes * copies
    yield Line(
        "state in memory", memory / _GB, f"{people:,} * {m.person_bytes:,.0f} B * {copies:g}", "GB"
    )
    itself = m.empty_bytes + m.work_bytes
    room = a.worker_memory_bytes * a.memory_filled - itself
    workers = max(2, ceil(cores), ceil(memory / room))
    yield Line(
        "workers",
        workers,
        f"most of 2, {cores:,.2f} cores, {memory / _GB:,.1f} GB / "
        f"({a.worker_memory_bytes / _GB:,.0f} GB * {a.memory_filled:g} - "
        f"{itself / _GB:,.1f} GB)",
    )
    wanted = max(workers * a.partitions_a_worker, people / a.people_a_partition)
    partitions: int = 2 ** max(3, (ceil(wanted) - 1).bit_length())
    yield Line(
        "partitions of each topic",
        partitions,
        f"power of two from {workers:,} * {a.partitions_a_worker} and {people:,} / "
        f"{a.people_a_partition:,} on",
    )
    return partitions


def _network(rates: _Rates, m: Measured, a: Assumed) -> Generator[Line, None, float]:
    """What is written at peak; returns it with its copies, in bytes a second."""
    taken = rates.peak * m.input_bytes
    yield Line(
        "into the brokers", taken / _MB, f"{rates.peak:,.0f} * {m.input_bytes:,.0f} B", "MB/s"
    )
    committed = m.journal_bytes + m.position_bytes
    given = rates.peak * m.output_bytes + rates.commits_peak * committed
    yield Line(
        "written by workers",
        given / _MB,
        f"{rates.peak:,.0f} * {m.output_bytes:,.0f} B + {rates.commits_peak:,.0f} * "
        f"{committed:,.0f} B",
        "MB/s",
    )
    written = (taken + given) * a.replicas
    yield Line(
        "written by all brokers",
        written / _MB,
        f"({taken / _MB:,.1f} + {given / _MB:,.1f}) * {a.replicas}",
        "MB/s",
    )
    return written


def _disk(people: int, rates: _Rates, m: Measured, a: Assumed) -> Generator[Line, None, float]:
    """What topics keep; returns it with its copies, in bytes."""
    kept = (
        ("inputs", _kept(topics.PAYMENTS, rates.mean * m.input_bytes)),
        ("score changes", _kept(topics.SCORE_CHANGES, rates.mean * m.change_bytes)),
        ("peer signals", _kept(topics.PEER_SIGNALS, rates.mean * m.signal_bytes)),
        ("journal", _kept(topics.JOURNAL, rates.commits_mean * m.journal_bytes)),
        ("changelog", people * m.state_bytes * a.compacted_over_live),
        ("scores", people * m.score_bytes * a.compacted_over_live),
    )
    disk = sum(size for _, size in kept) * a.replicas
    told = " + ".join(f"{size / _TB:,.3f} {name}" for name, size in kept)
    yield Line("disk of all brokers", disk / _TB, f"({told}) * {a.replicas}", "TB")
    return disk


def _kept(topic: topics.Topic, bytes_s: float) -> float:
    """Bytes that a topic keeps for as long as its retention says."""
    return bytes_s * topic.retention_ms / 1_000
