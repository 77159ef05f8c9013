"""Sends a history to Kafka as an idempotent producer."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from pipeline.connection import check_connection
from pipeline.dev.simulator.bad import Sent
from pipeline.dev.simulator.traffic import Chunk, Traffic
from pipeline.errors import KafkaUnreachableError, RefusedError, SesameError
from pipeline.kafka import confluent_config
from pipeline.settings import Settings

CHUNKS_A_SECOND = 10
"""How finely a given rate is kept."""
_ANSWER_S = 10.0
_POLL_EVERY = 1_000
_DELIVERY_S = 60.0


@dataclass(slots=True)
class Report:
    """What was sent: good events, repeats and bad records, by topic; bad ones by reason."""

    events: Counter[str] = field(default_factory=Counter)
    repeats: Counter[str] = field(default_factory=Counter)
    bad: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def records(self) -> int:
        """Everything sent."""
        return self.events.total() + self.repeats.total() + self.bad.total()

    def add(self, chunk: Chunk) -> None:
        """Count a chunk."""
        self.events.update(chunk.events)
        self.repeats.update(chunk.repeats)
        for record in chunk.records if chunk.bad else ():
            if record.reason is not None:
                self.bad[record.topic.name] += 1
                self.reasons[record.reason] += 1


def send(
    traffic: Traffic,
    settings: Settings,
    *,
    per_second: float | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Report:
    """Send all of it, in order, and wait until every record is acknowledged.

    Args:
        traffic: What to send.
        settings: The brokers and the topics' prefix.
        per_second: Records a second; None sends as fast as they are taken.
        progress: Told the number of records handed over since it was last told.

    Raises:
        KafkaUnreachableError: No broker answers.
        RefusedError: Topics are missing, or the brokers do not let us in.
        SesameError: Records were not acknowledged.
    """
    failures: list[str] = []

    def failed(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failures.append(error.str())

    check_connection(settings)
    producer = Producer(_config(settings))
    _check_topics(producer, traffic, settings)
    report = Report()
    began = time.monotonic()
    for chunk in traffic.chunks():
        _hand_over(producer, chunk.records, settings, failed)
        report.add(chunk)
        if chunk.opening:
            # What people consent to must be there before what it covers.
            producer.flush(_DELIVERY_S)
        progress(len(chunk.records))
        if failures:
            break
        if per_second:
            time.sleep(max(0.0, began + report.records / per_second - time.monotonic()))
    unsent = producer.flush(_DELIVERY_S)
    if failures or unsent:
        why = failures[0] if failures else f"no answer within {_DELIVERY_S:.0f} s"
        raise SesameError(f"{len(failures) + unsent} records were not acknowledged: {why}")
    report.seconds = time.monotonic() - began
    return report


def _config(settings: Settings) -> dict[str, str | int]:
    return {
        **confluent_config(settings),
        "enable.idempotence": True,
        "compression.type": "lz4",
        "linger.ms": 20,
        "batch.size": 1 << 20,
        "queue.buffering.max.messages": 200_000,
        "message.timeout.ms": round(_DELIVERY_S * 1_000),
        # Retries are the client's own business; what fails for good is told below.
        "log_level": 0,
        # As Java, aiokafka and kafka-python partition: a person has one partition number.
        "partitioner": "murmur2_random",
        # Millions of good news would cost more than the sending.
        "delivery.report.only.error": True,
    }


def _check_topics(producer: Producer, traffic: Traffic, settings: Settings) -> None:
    try:
        present = producer.list_topics(timeout=_ANSWER_S).topics
    except KafkaException as error:
        raise KafkaUnreachableError(settings.bootstrap, error.args[0].str()) from error
    names = [settings.topic(topic.name) for topic in traffic.topics]
    missing = [name for name in names if name not in present]
    if missing:
        raise RefusedError(
            f"no topics {', '.join(missing)} at {settings.bootstrap}; "
            "`sesame topics apply` creates them"
        )


def _hand_over(
    producer: Producer,
    records: list[Sent],
    settings: Settings,
    failed: Callable[[KafkaError | None, Message], None],
) -> None:
    prefix = settings.topic_prefix
    produce = producer.produce
    for number, record in enumerate(records):
        name = prefix + record.topic.name
        while True:
            try:
                produce(name, record.value, record.key, on_delivery=failed)
            except BufferError:
                producer.poll(0.05)
            else:
                break
        if number % _POLL_EVERY == 0:
            producer.poll(0)
