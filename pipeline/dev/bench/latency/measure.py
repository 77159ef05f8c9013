"""Rounds of every contender: its top rate, then loads that are shares of it."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, count, islice
from statistics import median

import numpy as np

from pipeline.codec.encode import decode_record
from pipeline.codec.open import open_registry
from pipeline.codec.registry import SchemaRegistry
from pipeline.dev.bench import population, systems
from pipeline.dev.bench.arithmetic import at_time
from pipeline.dev.bench.broker import Watch
from pipeline.dev.bench.child import Child
from pipeline.dev.bench.latency.contenders import KEY, Contender
from pipeline.dev.bench.latency.found import Found, Offered, Top
from pipeline.dev.bench.latency.load import Level, Sender, live_events, seconds_of_loads
from pipeline.dev.bench.latency.probes import (
    PARTNER_ID,
    PURPOSE,
    Answers,
    Matcher,
    NotSustainedError,
    People,
    expected_answers,
)
from pipeline.dev.bench.latency.progress import Progress
from pipeline.dev.bench.latency.reader import Arrival, Reader
from pipeline.dev.bench.systems import Bench
from pipeline.dev.bench.workload import DATA_TOPICS, Workload
from pipeline.dev.simulator.bad import Sent
from pipeline.dev.simulator.consents import PARTNERS
from pipeline.dev.simulator.traffic import Traffic
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
_QUIET_S = 5.0
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


def measure(bench: Bench, plan: Plan) -> Found:
    """Run every contender ``plan.runs`` times, in turn.

    Raises:
        SesameError: A system ended or stood still.
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
                top, sent = self._top(sender, watch, child, records)
                found.tops.append(top)
                seconds = seconds_of_loads(
                    self.plan.level_s, top.events_per_second, self.plan.shares, len(live) - sent
                )
                for share in self.plan.shares:
                    rate = top.events_per_second * share
                    self.bench.say(f"{run}: {share:.0%} of {top.events_per_second:,.0f} events/s")
                    level, began = self._offer(sender, rate, seconds, records)
                    ended = began + level.seconds
                    cpu = at_time(child.samples, ended) - at_time(child.samples, began)
                    latencies, why_not = self._answers(reader, child, level)
                    found.offered.append(
                        Offered(name, self.number, share, level, cpu, latencies, why_not)
                    )
                    self._wait_through(watch, child, _DATA)
                    if why_not is not None:
                        self._catch_up(child, reader)

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
        self.bench.say(f"{self.contender.name}: the turn of the month")
        sender.send(people.turn(self.registry))
        self._wait_through(watch, child, _DATA)
        # Who is scored again for it tells friends.
        systems.wait_settled(watch, child)

    def _wait_through(self, watch: Watch, child: Child, names: Sequence[str]) -> None:
        ends = watch.ends(names)
        systems.wait_through(self.bench, self.contender.name, watch, child, ends)

    def _catch_up(self, child: Child, reader: Reader) -> None:
        """Wait for late answers of a load that was not sustained: none may meet the next probes."""
        arrived_at = time.monotonic()
        while time.monotonic() < arrived_at + _QUIET_S:
            child.check()
            if reader.take():
                arrived_at = time.monotonic()
            time.sleep(0.1)

    def _top(
        self, sender: Sender, watch: Watch, child: Child, records: Iterator[Sent]
    ) -> tuple[Top, int]:
        """The top rate, and how many events it took to measure it."""
        self.bench.say(f"{self.contender.name}: top rate")
        some = islice(records, self.plan.live // _TOP_PART)
        with Progress(self.settings, self.contender.group, _DATA) as progress:
            before = progress.applied
            supply = sender.keep_supplied(
                some, self.plan.top_s, lambda: progress.applied - before, _SUPPLIED_AHEAD
            )
            self._wait_through(watch, child, _DATA)
        top = Top(
            system=self.contender.name,
            run=self.number,
            events_per_second=progress.rate(),
            lead_median=median(supply.leads),
            lead_max=max(supply.leads),
            held_share=supply.held_share,
            commit_events=progress.at_once(),
        )
        return top, supply.sent

    def _offer(
        self, sender: Sender, rate: float, seconds: float, records: Iterator[Sent]
    ) -> tuple[Level, float]:
        """Offer a load; when it began, in seconds since 1970."""
        number = max(1, round(min(PROBES_A_SECOND, _PROBED_SHARE * rate) * seconds))
        rng = np.random.default_rng((self.plan.workload.seed, self.probed))
        # As events of many people come: independent of each other and of any tick of ours.
        offsets = np.sort(rng.integers(0, round(seconds * _NS), number)).tolist()
        probes = self.people.probes(self.probed, self.probed + number, self.registry)
        began = time.time()
        level = sender.offer(records, rate, seconds, probes, offsets)
        return level, began

    def _answers(self, reader: Reader, child: Child, level: Level) -> tuple[list[int], str | None]:
        """The probes' latencies, in nanoseconds; and why the load was not sustained, if so."""
        matcher = Matcher()
        for number, intended_ns in enumerate(level.intended_ns, self.probed):
            turn, person = divmod(number, len(self.people.users))
            matcher.sent(self.people.users[person], turn, number, intended_ns)
        self.probed += len(level.intended_ns)
        why_not = None
        try:
            self._match(matcher, reader, child)
        except NotSustainedError as error:
            why_not = str(error)
        return list(matcher.latencies.values()), why_not

    def _match(self, matcher: Matcher, reader: Reader, child: Child) -> None:
        """Read until every probe is answered."""
        names = self._names()
        deadline = time.monotonic() + _ANSWERED_S
        while matcher.unanswered:
            child.check()
            if time.monotonic() > deadline:
                left = f"{matcher.unanswered:,} probes"
                raise NotSustainedError(f"{left} were unanswered after {_ANSWERED_S:.0f} s")
            for arrival in reader.take():
                answered = self._level(arrival)
                if answered is not None:
                    matcher.arrived(names[arrival.key], answered, arrival.at_ns)
            time.sleep(0.1)

    def _level(self, arrival: Arrival) -> int | None:
        if not arrival.value:
            return None
        record = decode_record(arrival.value, self.registry)
        if self.contender.partner:
            return self.answers.of_partner_score(record)
        return self.answers.of_score(record)


def _records(traffic: Traffic) -> Iterator[Sent]:
    return chain.from_iterable(chunk.records for chunk in traffic.chunks())
