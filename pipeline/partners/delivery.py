"""A thread that sends records to one topic and waits for each to be acknowledged.

By an idempotent producer and all replicas, at least once: what was not acknowledged is sent
again, under the same event ids. Needs no more than WRITE on that one topic.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError

from pipeline.connection import check_connection
from pipeline.errors import SesameError
from pipeline.kafka import kafka_python_config
from pipeline.partners.backoff import Backoff
from pipeline.settings import Settings

REQUEST_MS_MAX = 10_000
BLOCK_MS_MAX = 5_000
"""Longest wait for a first broker, or for one that knows the topic."""
DELIVERY_MS = 20_000
"""After this long a record counts as not delivered, and is sent anew."""
LINGER_MS = 5
WAIT_S = 0.2
"""A stop is noticed within this time."""
JOIN_S = 30.0
CLOSE_S = 1.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Parcel:
    """A record to be sent; ``number`` tells its load which one it is."""

    number: int
    key: bytes
    value: bytes


class Load(Protocol):
    """What there is to send; asked from the delivery's thread."""

    def take(self) -> Sequence[Parcel]:
        """The oldest waiting records, some hundreds at most; the same again until done."""

    def done(self, delivered: Sequence[Parcel]) -> None:
        """These were acknowledged."""


class Delivery:
    """Sends a load to a topic, in its order, in a thread of its own.

    Args:
        settings: Brokers, security.
        topic: Name on the broker.
        load: What to send.
    """

    def __init__(self, settings: Settings, topic: str, load: Load) -> None:
        self._settings = settings
        self._topic = topic
        self._load = load
        self._news = threading.Event()
        self._stop = threading.Event()
        self._producer: Any = None
        self.problem: str | None = None
        self._thread = threading.Thread(target=self._run, name=f"send {topic}", daemon=True)

    @property
    def running(self) -> bool:
        """Whether it sends."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start to send."""
        self._thread.start()

    def wake(self) -> None:
        """There is something to send."""
        self._news.set()

    def end(self) -> None:
        """Stop soon; what is under way may or may not arrive."""
        self._stop.set()
        self._news.set()

    def join(self) -> None:
        """Wait until it has stopped."""
        if self._thread.is_alive():
            self._thread.join(JOIN_S)

    def _run(self) -> None:
        backoff = Backoff()
        while not self._stop.is_set():
            self._news.clear()
            try:
                if self._send():
                    backoff.reset()
                    self.problem = None
                else:
                    self._news.wait()
                continue
            except (KafkaError, SesameError) as error:
                problem = str(error) or type(error).__name__
                if problem != self.problem:
                    log.warning("not delivered", topic=self._topic, error=problem)
                self.problem = problem
            except Exception as error:  # the thread has to outlive whatever it meets
                self.problem = f"{type(error).__name__}: {error}"
                log.exception("delivery failed", topic=self._topic)
            self._close()
            self._stop.wait(backoff.next_s())
        self._close()

    def _send(self) -> bool:
        parcels = self._load.take()
        if not parcels:
            return False
        if self._producer is None:
            self._producer = _producer(self._settings)
        sent = [self._producer.send(self._topic, key=p.key, value=p.value) for p in parcels]
        while not self._stop.is_set():
            try:
                self._producer.flush(timeout=WAIT_S)
                break
            except KafkaTimeoutError:
                self.problem = self.problem or "no acknowledgement yet"
        arrived = [p for p, future in zip(parcels, sent, strict=True) if future.succeeded()]
        self._load.done(arrived)
        failed = next((future for future in sent if future.failed()), None)
        if failed is not None:
            raise failed.exception
        return True

    def _close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            producer.close(timeout=CLOSE_S)
        except KafkaError:
            # close() gives up on records that nobody takes before it ends its own thread.
            producer._sender.force_close()  # noqa: SLF001


def _producer(settings: Settings) -> KafkaProducer:
    check_connection(settings)
    config = kafka_python_config(settings)
    config["request_timeout_ms"] = min(config["request_timeout_ms"], REQUEST_MS_MAX)
    return KafkaProducer(
        **config,
        acks="all",
        enable_idempotence=True,
        linger_ms=LINGER_MS,
        delivery_timeout_ms=DELIVERY_MS,
        max_block_ms=BLOCK_MS_MAX,
        bootstrap_timeout_ms=BLOCK_MS_MAX,
        allow_auto_create_topics=False,
    )
