"""Rounds of every contender: its top rate, then loads that are shares of it."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, count, islice
from statistics import median
from typing import Any

import numpy as np

from pipeline.codec.encode import decode_record
from pipeline.codec.open import open_registry
from pipeline.codec.registry import SchemaRegistry
from pipeline.dev.bench import population, systems
from pipeline.dev.bench.arithmetic import at_time
from pipeline.dev.bench.broker import Watch
from pipeline.dev.bench.child import Child
from pipeline.dev.bench.latency.contenders import KEY, Contender
from pipeline.dev.bench.latency.load import Level, Sender, live_events
from pipeline.dev.bench.latency.probes import (
    PARTNER_ID,
    PURPOSE,
    Answers,
    Matcher,
    People,
    expected_answers,
)
from pipeline.dev.bench.latency.progress import Progress
from pipeline.dev.bench.latency.reader import Arrival, Reader
from pipeline.dev.bench.latency.spread import Spread, histogram
from pipeline.dev.bench.systems import Bench
from pipeline.dev.bench.workload import DATA_TOPICS, Workload
from pipeline.dev.simulator.bad import Sent
from pipeline.dev.simulator.consents import PARTNERS
from pipeline.dev.simulator.traffic import Traffic
from pipeline.errors import SesameError
from pipeline.gateway.keyring import KeyRing
from pipeline.settings import Settings
from pipeline.topics import CONSENTS

SHARES = (0.01, 0.10, 0.50, 0.80)
PROBES_A_SECOND = 500
_PROBED_SHARE = 0.2
"""Of a small load, probes are at most so much."""
_SUPPLIED_AHEAD = 300_000
"""Events sent and not yet applied while the top rate is measured: more than are applied between
two commits of offsets, so that no worker ever waits for events."""
_TOP_PART = 3
"""The top rate is measured with the first third of the live events at most."""
_ANSWERED_S = 60.0
_DATA = [topic.name for topic in DATA_TOPICS]
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run: everybody on the past of ``workload``, then on ``live`` events under load."""

    workload: Workload
    contenders: Sequence[Contender]
    live: int
    probers: int
    level_s: float
    top_s: float
    runs: int
    shares: Sequence[float] = SHARES


@dataclass(frozen=True, slots=True)
class Offered:
    """One load of one run and what came of it; ``share`` of the run's top rate."""

    system: str
    run: int
    share: float
    level: Level
    cpu_seconds: float
    latencies_ns: list[int]

    def as_json(self) -> dict[str, Any]:
        """For programs; without single latencies but with their histogram in microseconds."""
        return {
            "system": self.system,
            "run": self.run,
            "share": self.share,
            "events_per_second": self.level.rate,
            "seconds": self.level.seconds,
            "events": self.level.events,
            "sender_behind_ms": 1e3 * self.level.behind_s,
            "cpu_seconds": self.cpu_seconds,
            "latency_ms": Spread.of(self.latencies_ns).as_json(),
            "histogram_us": histogram(self.latencies_ns),
        }


@dataclass(slots=True)
class Found:
    """All loads of all runs, each run's top rate by system, and why others could not run."""

    tops: list[tuple[str, int, float]] = field(default_factory=list)
    offered: list[Offered] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    settings: dict[str, dict[str, str]] = field(default_factory=dict)
    """What each system was told that differs from its defaults."""

    def as_json(self) -> dict[str, Any]:
        """All of it, for programs."""
        return {
            "tops": [
                {"system": system, "run": run, "events_per_second": rate}
                for system, run, rate in self.tops
            ],
            "loads": [each.as_json() for each in self.offered],
            "summaries": list(self._summaries()),
            "left_out": self.left_out,
            "settings": self.settings,
        }

    def _summaries(self) -> Iterator[dict[str, Any]]:
        """Each system at each share: percentiles over the samples of all rounds."""
        for system, share in dict.fromkeys((o.system, o.share) for o in self.offered):
            some = [o for o in self.offered if (o.system, o.share) == (system, share)]
            spread = Spread.of(list(chain.from_iterable(o.latencies_ns for o in some)))
            yield {
                "system": system,
                "share": share,
                "runs": len(some),
                "events_per_second": median(o.level.rate for o in some),
                "cores": median(o.cpu_seconds / o.level.seconds for o in some),
                "p99_by_run": [Spread.of(o.latencies_ns).percentiles["p99"] for o in some],
                **spread.as_json(),
            }


def measure(bench: Bench, plan: Plan) -> Found:
    """Run every contender ``plan.runs`` times, in turn.

    Raises:
        SesameError: A system ended or stood still, or a probe was never answered.
    """
    workload, registry = plan.workload, open_registry(bench.settings)
    bench.say("what each probe's score will be")
    answers = expected_answers(population.new_replay(bench.settings))
    bench.say(f"simulating {plan.live:,} live events")
    live = live_events(workload.people, plan.live, workload.seed, registry)
    found = Found(settings={each.name: dict(each.settings) for each in plan.contenders})
    serial = count(1)
    for run in range(1, plan.runs + 1):
        for contender in plan.contenders:
            with systems.topics_of(bench, contender.name, PARTNERS) as settings:
                one = _Run(bench, plan, contender, run, next(serial), settings, registry, answers)
                one.all(live, found)
    return found


@dataclass(slots=True)
class _Run:
    bench: Bench
    plan: Plan
    contender: Contender
    number: int
    serial: int
    settings: Settings
    registry: SchemaRegistry
    answers: Answers
    people: People = field(init=False)
    probed: int = 0

    def __post_init__(self) -> None:
        self.people = People.of(self.plan.probers)

    def all(self, live: Sequence[Sent], found: Found) -> None:
        """The past, the top rate, and every load."""
        name, records = self.contender.name, iter(live)
        run = f"{name}-{self.number}"
        with (
            self.contender.start(self.bench, self.settings, self.serial) as child,
            Watch(self.settings, self.contender.group) as watch,
            Sender(self.settings) as sender,
        ):
            self._load_past(sender, watch, child)
            with Reader(self.settings, self.contender.topic, self._names()) as reader:
                top = self._top(sender, watch, child, records)
                found.tops.append((name, self.number, top))
                for share in self.plan.shares:
                    self.bench.say(f"{run}: {share:.0%} of {top:,.0f} events/s")
                    level, began = self._offer(sender, top * share, records)
                    ended = began + level.seconds
                    cpu = at_time(child.samples, ended) - at_time(child.samples, began)
                    latencies = self._answers(reader, child, level)
                    found.offered.append(Offered(name, self.number, share, level, cpu, latencies))
                    self._wait_through(watch, child, _DATA)

    def _names(self) -> dict[bytes, str]:
        """Who probes, by the key of the records that answer."""
        if not self.contender.partner:
            return {user.encode(): user for user in self.people.users}
        ring = KeyRing.of([KEY])
        subjects = ring.current.subjects(self.people.users, PARTNER_ID, PURPOSE).tolist()
        return dict(zip(subjects, self.people.users, strict=True))

    def _load_past(self, sender: Sender, watch: Watch, child: Child) -> None:
        workload, people = self.plan.workload, self.people
        sender.send([*_records(workload.consents(self.registry)), *people.consents(self.registry)])
        self._wait_through(watch, child, [CONSENTS.name])
        sender.send([*_records(workload.data(self.registry)), *people.past(self.registry)])
        self._wait_through(watch, child, _DATA)

    def _wait_through(self, watch: Watch, child: Child, names: Sequence[str]) -> None:
        ends = watch.ends(names)
        systems.wait_through(self.bench, self.contender.name, watch, child, ends)

    def _top(self, sender: Sender, watch: Watch, child: Child, records: Iterator[Sent]) -> float:
        self.bench.say(f"{self.contender.name}: top rate")
        some = islice(records, self.plan.live // _TOP_PART)
        with Progress(self.settings, self.contender.group, _DATA) as progress:
            before = progress.applied
            sender.keep_supplied(
                some,
                self.plan.top_s,
                lambda sent: sent - (progress.applied - before) > _SUPPLIED_AHEAD,
            )
            self._wait_through(watch, child, _DATA)
            return progress.rate()

    def _offer(self, sender: Sender, rate: float, records: Iterator[Sent]) -> tuple[Level, float]:
        """Offer a load; when it began, in seconds since 1970."""
        seconds = self.plan.level_s
        number = max(1, round(min(PROBES_A_SECOND, _PROBED_SHARE * rate) * seconds))
        rng = np.random.default_rng((self.plan.workload.seed, self.probed))
        # As events of many people come: independent of each other and of any tick of ours.
        offsets = np.sort(rng.integers(0, round(seconds * _NS), number)).tolist()
        probes = self.people.probes(self.probed, self.probed + number, self.registry)
        began = time.time()
        level = sender.offer(records, rate, seconds, probes, offsets)
        return level, began

    def _answers(self, reader: Reader, child: Child, level: Level) -> list[int]:
        """Every probe's latency, in nanoseconds."""
        names, matcher = self._names(), Matcher()
        for number, intended_ns in enumerate(level.intended_ns, self.probed):
            turn, person = divmod(number, len(self.people.users))
            matcher.sent(self.people.users[person], turn, number, intended_ns)
        self.probed += len(level.intended_ns)
        deadline = time.monotonic() + _ANSWERED_S
        while matcher.unanswered:
            child.check()
            if time.monotonic() > deadline:
                raise SesameError(
                    f"{self.contender.name} left {matcher.unanswered:,} of "
                    f"{len(level.intended_ns):,} probes unanswered"
                )
            for arrival in reader.take():
                answered = self._level(arrival)
                if answered is not None:
                    matcher.arrived(names[arrival.key], answered, arrival.at_ns)
            time.sleep(0.1)
        return list(matcher.latencies.values())

    def _level(self, arrival: Arrival) -> int | None:
        if not arrival.value:
            return None
        record = decode_record(arrival.value, self.registry)
        if self.contender.partner:
            return self.answers.of_partner_score(record)
        return self.answers.of_score(record)


def _records(traffic: Traffic) -> Iterator[Sent]:
    return chain.from_iterable(chunk.records for chunk in traffic.chunks())
