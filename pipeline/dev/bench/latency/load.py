"""Open-loop load: events are sent when they are due, whether or not anybody keeps up.

Two producers, as there are two kinds of sender: platforms that send many events and gather them
for some milliseconds, and somebody who sends one event and waits for the score.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaError, Message, Producer

from pipeline import topics
from pipeline.codec.registry import SchemaRegistry
from pipeline.dev.bench.workload import END_MS, none_of
from pipeline.dev.simulator import Spec, simulate
from pipeline.dev.simulator.bad import Sent
from pipeline.dev.simulator.history import History
from pipeline.dev.simulator.spec import SETUP_EVENTS
from pipeline.dev.simulator.traffic import Mistakes, Traffic
from pipeline.errors import SesameError
from pipeline.kafka import confluent_config
from pipeline.settings import Settings

LINGER_MS = 5
_ANSWER_S = 30.0
_NS = 1_000_000_000
_AT_ONCE = 100
"""Events sent before a probe that is due is looked for again."""
_LEAD_EVERY_S = 0.1
_MONTH_MS = 30 * 86_400_000
_LIVE = (topics.PAYMENTS, topics.CONSUMPTION, topics.OBLIGATIONS)
"""What people do in a month; verifications and links are of the past that they begin with."""


def live_events(people: int, events: int, seed: int, registry: SchemaRegistry) -> list[Sent]:
    """At least so many events of the month after a workload's, by the same people.

    Within one month, so that no measurement meets the turn of one, when everybody is scored again.
    """
    about = round(events * _SURPLUS + people * SETUP_EVENTS)
    spec = Spec(people, 1, END_MS + _MONTH_MS, seed).for_events(about)
    whole = simulate(spec)
    chosen = {t: e if t in _LIVE else none_of(e) for t, e in whole.events.items()}
    traffic = Traffic(History(whole.spec, whole.people, chosen), registry, Mistakes())
    found = [record for chunk in traffic.chunks() for record in chunk.records]
    if len(found) < events:
        raise SesameError(f"{len(found):,} events were simulated where {events:,} are needed")
    return found[:events]


_SURPLUS = 1.3
"""A spec's number of events is approximate."""


def seconds_of_loads(wanted: float, top: float, shares: Sequence[float], left: int) -> float:
    """How long each load may last, in seconds: as wanted, or as events are left for all of them.

    Args:
        wanted: Seconds.
        top: The rate that the loads are shares of, events a second.
        shares: Of each load.
        left: Events for all loads together.

    >>> seconds_of_loads(10, 1_000, (0.5, 0.5), 100_000), seconds_of_loads(10, 1_000, (1,), 8_000)
    (10, 8.0)
    """
    return min(wanted, left / (top * sum(shares)))


@dataclass(frozen=True, slots=True)
class Level:
    """A load that was offered for a while.

    ``intended_ns`` are the probes' intended times by the monotonic clock; ``behind_s`` is how
    late the sender itself was with an event at most, which latencies include.
    """

    rate: float
    seconds: float
    events: int
    intended_ns: list[int]
    behind_s: float


@dataclass(frozen=True, slots=True)
class Supply:
    """So many events sent as fast as may be.

    ``leads`` are how many of them the broker had and nobody had applied, at even times;
    ``held_share`` is the share of the time for which the sender had to hold still.
    """

    sent: int
    leads: list[int]
    held_share: float


class Sender:
    """Sends to the topics of ``settings``."""

    def __init__(self, settings: Settings) -> None:
        self._names = {topic: settings.topic(topic.name) for topic in topics.INPUTS}
        self._failures: list[str] = []
        common = {
            **confluent_config(settings),
            "partitioner": "murmur2_random",
            # As Java's producer has it by default. With librdkafka's own any number of requests
            # may be under way, and what a hiccup of the broker holds up stays on the wire.
            "enable.idempotence": True,
            "delivery.report.only.error": True,
            "queue.buffering.max.messages": 1_000_000,
            "log_level": 2,
        }
        self._crowd = Producer(common | {"linger.ms": LINGER_MS, "compression.type": "lz4"})
        self._single = Producer(common | {"linger.ms": 0})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.flush()

    def flush(self) -> None:
        """Wait until everything is acknowledged.

        Raises:
            SesameError: Something was not.
        """
        unsent = self._crowd.flush(_ANSWER_S) + self._single.flush(_ANSWER_S)
        if unsent or self._failures:
            why = self._failures[0] if self._failures else f"no answer within {_ANSWER_S:.0f} s"
            raise SesameError(f"the load could not be sent: {why}")

    def send(self, records: Sequence[Sent]) -> None:
        """Send records now, and wait for the broker."""
        self._send(records)
        self.flush()

    def keep_supplied(
        self, records: Iterator[Sent], seconds: float, applied: Callable[[], int], most: int
    ) -> Supply:
        """Send as fast as may be for so long, or until there is no more.

        Args:
            records: What to send.
            seconds: How long.
            applied: How many of them are known to be applied.
            most: How many may be sent and not applied.
        """
        sent, held_s, leads = 0, 0.0, [0]
        began = now = time.monotonic()
        while now < began + seconds:
            done = applied()
            if now >= began + len(leads) * _LEAD_EVERY_S:
                # What still waits in the producer is no lead: nobody can fetch it.
                leads.append(sent - len(self._crowd) - done)
            if sent - done > most:
                self._crowd.poll(0.002)
                held_s += time.monotonic() - now
            elif some := list(islice(records, _AT_ONCE)):
                self._send(some)
                sent += len(some)
            else:
                break
            now = time.monotonic()
        self.flush()
        return Supply(sent, leads, held_s / (now - began) if now > began else 0.0)

    def offer(
        self,
        records: Iterator[Sent],
        rate: float,
        seconds: float,
        probes: Sequence[Sent],
        offsets_ns: Sequence[int],
    ) -> Level:
        """Send ``rate`` events a second for so long, probes among them at their own times.

        Args:
            records: What to send beside the probes.
            rate: Events a second, probes included.
            seconds: How long.
            probes: Encoded and ready.
            offsets_ns: When each is to be sent, from the start on; ascending.
        """
        beside = rate - len(probes) / seconds
        total = round(beside * seconds)
        start = time.monotonic_ns()
        sent = probed = 0
        behind_ns = 0
        while sent < total or probed < len(probes):
            now = time.monotonic_ns() - start
            while probed < len(probes) and offsets_ns[probed] <= now:
                behind_ns = max(behind_ns, now - offsets_ns[probed])
                self._produce(self._single, probes[probed])
                probed += 1
            due = min(total, int(beside * now / _NS)) - sent
            if due > 0:
                some = list(islice(records, min(due, _AT_ONCE)))
                if not some:
                    raise SesameError("there are too few live events for this rate: simulate more")
                self._send(some)
                sent += len(some)
                behind_ns = max(behind_ns, now - round(sent * _NS / beside))
            else:
                self._wait(start, sent, beside, offsets_ns[probed : probed + 1])
        self.flush()
        intended = [start + offset for offset in offsets_ns]
        return Level(rate, seconds, total + len(probes), intended, behind_ns / _NS)

    def _wait(self, start: int, sent: int, beside: float, probe_ns: Sequence[int]) -> None:
        """Sleep until the next event or probe is due."""
        self._crowd.poll(0)
        due_ns = min([round((sent + 1) * _NS / beside), *probe_ns])
        left_ns = start + due_ns - time.monotonic_ns()
        if left_ns > 0:
            time.sleep(left_ns / _NS)

    def _send(self, records: Sequence[Sent]) -> None:
        for record in records:
            self._produce(self._crowd, record)
        self._crowd.poll(0)

    def _produce(self, producer: Producer, record: Sent) -> None:
        while True:
            try:
                producer.produce(
                    self._names[record.topic],
                    record.value,
                    record.key,
                    on_delivery=self._delivered,
                )
            except BufferError:
                producer.poll(0.01)
            else:
                return

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._failures.append(error.str())
