"""A backlog that appears all at once: loaded in a transaction that commits on a word.

Readers of what is committed see nothing of it before. So a worker can start, join and
apply the consents, and the clock starts when there is all of the work to do and none is
done or fetched ahead.
"""

from collections.abc import Iterable
from types import TracebackType
from typing import Self
from uuid import uuid4

from confluent_kafka import KafkaError, Message, Producer

from pipeline.dev.simulator.bad import Sent
from pipeline.errors import SesameError
from pipeline.kafka import confluent_config
from pipeline.settings import Settings

_ANSWER_S = 60.0
_TRANSACTION_MS = 15 * 60 * 1000
"""The broker's own default of ``transaction.max.timeout.ms``."""
_POLL_EVERY = 1_000


class Loader:
    """Writes many records to the topics of ``settings``; ``options`` are the producer's."""

    def __init__(self, settings: Settings, **options: str | int) -> None:
        self._settings = settings
        self._failures: list[str] = []
        self._producer = Producer(
            {
                **confluent_config(settings),
                "enable.idempotence": True,
                "compression.type": "lz4",
                "linger.ms": 20,
                "batch.size": 1 << 20,
                "queue.buffering.max.messages": 200_000,
                "partitioner": "murmur2_random",
                "delivery.report.only.error": True,
                # What matters is raised; retries on a broker that has just started do not.
                "log_level": 2,
                **{name.replace("_", "."): value for name, value in options.items()},
            }
        )

    def load(self, records: Iterable[Sent]) -> None:
        """Write all of them and wait until the broker has them.

        Raises:
            SesameError: Records were not acknowledged.
        """
        produce, poll = self._producer.produce, self._producer.poll
        prefix = self._settings.topic_prefix
        for number, record in enumerate(records):
            name = prefix + record.topic.name
            while True:
                try:
                    produce(name, record.value, record.key, on_delivery=self._delivered)
                except BufferError:
                    poll(0.05)
                else:
                    break
            if number % _POLL_EVERY == 0:
                poll(0)
        unsent = self._producer.flush(_ANSWER_S)
        if unsent or self._failures:
            why = self._failures[0] if self._failures else f"no answer within {_ANSWER_S:.0f} s"
            raise SesameError(f"records could not be loaded: {why}")

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._failures.append(error.str())


class Backlog(Loader):
    """Records on the topics of ``settings`` that nobody sees before ``release``."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            settings,
            transactional_id=f"{settings.topic_prefix}backlog-{uuid4().hex}",
            transaction_timeout_ms=_TRANSACTION_MS,
        )

    def __enter__(self) -> Self:
        self._producer.init_transactions(_ANSWER_S)
        self._producer.begin_transaction()
        self._open = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._open:
            self._producer.abort_transaction(_ANSWER_S)

    def release(self) -> None:
        """Let everybody see it."""
        self._producer.commit_transaction(_ANSWER_S)
        self._open = False
