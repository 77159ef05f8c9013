"""A simulated population's records, sent without a pause; exactly what was acknowledged is kept.

The producer is idempotent and never gives up on a record: it outlives a broker that is killed,
and sends on in the same order when it is back.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from confluent_kafka import KafkaError, Message, Producer

from pipeline import topics
from pipeline.codec.reasons import Reason
from pipeline.codec.registry import FileRegistry
from pipeline.dev.chaos.errors import ChaosError
from pipeline.dev.simulator import Spec, simulate
from pipeline.dev.simulator.bad import Sent
from pipeline.dev.simulator.consents_first import ConsentsFirst
from pipeline.dev.simulator.traffic import Mistakes
from pipeline.factors.layout import NO_TIME
from pipeline.kafka import confluent_config
from pipeline.settings import Settings

END_MS = 1_793_000_000_000
"""October 2026: the whole history lies before any run."""
MONTHS = 60
"""Months go by in some seconds, and with each everybody is scored again."""
_MISTAKES = Mistakes(bad_share=0.01, repeat_share=0.02)
_BY_TIME = {Reason.TOO_LATE, Reason.FUTURE}
_SENDS_A_SECOND = 10
_WAITING_MAX = 20_000
_FLUSH_S = 120.0


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A record the broker has said it holds, and where; ``reason`` if its bytes are bad.

    Whether it comes too late or too early is left to the oracle: that depends on the others.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    reason: Reason | None


class Load:
    """Sends from a thread of its own between ``start`` and ``end``."""

    def __init__(
        self, settings: Settings, seed: int, people: int, events: int, per_second: float
    ) -> None:
        """Draw the population; nothing is sent yet.

        Args:
            settings: The brokers and the topics' prefix.
            seed: Of the population.
            people: How many.
            events: About how many there are to send; more than are needed.
            per_second: Records a second.
        """
        self.acknowledged: list[Acknowledged] = []
        self.people = people
        self._settings = settings
        self._per_second = per_second
        self._refused: list[str] = []
        self._error: Exception | None = None
        self._ending = threading.Event()
        self._opened = threading.Event()
        self._handed_over = 0
        spec = Spec(people=people, months=MONTHS, end_ms=END_MS, seed=seed, withdrawal_rate=0.2)
        history = simulate(spec.for_events(events))
        # A gateway ends grants by the clock on the wall, which no oracle can look back at.
        history.events[topics.CONSENTS].fields["expires_at"][:] = NO_TIME
        self._traffic = ConsentsFirst(
            history,
            FileRegistry(),
            _MISTAKES,
            max(1, round(per_second / _SENDS_A_SECOND)),
        )
        self._producer = Producer(_config(settings))
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    def start(self) -> None:
        """Begin; returns once the consents that open the history are acknowledged."""
        self._thread.start()
        while not self._opened.wait(0.1):
            self.check()

    def check(self) -> None:
        """Raise what went wrong.

        Raises:
            ChaosError: A record was refused for good, or there was nothing left to send.
        """
        if self._error is not None:
            raise ChaosError(f"the load broke off: {self._error}") from self._error
        if self._refused:
            raise ChaosError(f"{len(self._refused)} records were refused: {self._refused[0]}")
        if self._opened.is_set() and not self._thread.is_alive() and not self._ending.is_set():
            raise ChaosError("the load has sent all there was; it must outlast the fault")

    @property
    def on_the_way(self) -> int:
        """Records handed over that the broker has not acknowledged."""
        return len(self._producer)

    def end(self) -> None:
        """Send no more; returns once everything handed over is acknowledged.

        Raises:
            ChaosError: See ``check``, or the broker did not take the rest in time.
        """
        self.check()
        self._ending.set()
        self._thread.join()
        if unsent := self._producer.flush(_FLUSH_S):
            raise ChaosError(f"{unsent} records are not acknowledged after {_FLUSH_S:.0f} s")
        self.check()
        if len(self.acknowledged) != self._handed_over:
            missing = self._handed_over - len(self.acknowledged)
            raise ChaosError(f"{missing} records were handed over and never told of")

    def _run(self) -> None:
        try:
            for sent in self._paced():
                self._send(sent)
        except Exception as error:  # noqa: BLE001 - raised again in `check`
            self._error = error

    def _paced(self) -> Iterator[Sent]:
        began, paced = time.monotonic(), 0
        for chunk in self._traffic.chunks():
            yield from chunk.records
            if chunk.opening:
                # What people consent to must be there before what it covers.
                while self._producer.flush(1) and not self._ending.is_set():
                    pass
            else:
                self._opened.set()
                paced += len(chunk.records)
                self._producer.poll(0)
            if self._ending.wait(max(0.0, began + paced / self._per_second - time.monotonic())):
                return

    def _send(self, sent: Sent) -> None:
        self._handed_over += 1
        while True:
            try:
                self._producer.produce(
                    self._settings.topic(sent.topic.name),
                    sent.value,
                    sent.key,
                    on_delivery=self._told(sent),
                )
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def _told(self, sent: Sent) -> Callable[[KafkaError | None, Message], None]:
        def delivered(error: KafkaError | None, message: Message) -> None:
            partition, offset = message.partition(), message.offset()
            if error is not None or partition is None or offset is None:
                self._refused.append(str(error))
                return
            at_ms = message.timestamp()[1]
            name, key, value = sent.topic.name, sent.key, sent.value
            reason = None if sent.reason in _BY_TIME else sent.reason
            self.acknowledged.append(
                Acknowledged(name, partition, offset, at_ms, key, value, reason)
            )

        return delivered


def _config(settings: Settings) -> dict[str, str | int]:
    return {
        **confluent_config(settings),
        "enable.idempotence": True,
        "linger.ms": 5,
        # Never given up: what is on its way when a broker dies is sent on when it is back.
        "message.timeout.ms": 0,
        "queue.buffering.max.messages": _WAITING_MAX,
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 500,
        "partitioner": "murmur2_random",
        "log_level": 0,
    }
