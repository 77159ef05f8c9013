"""Transactions that send records back and mark their letters, all or nothing.

    init_transactions ── fences and ends whoever worked on this partition of the letters before
      read the marks  ── complete: nobody else can add one from now on
        per batch: begin ─ records ─ flush (where they lie is known now) ─ marks ─ commit

The transactional id follows from the control topic and the partition alone, so whoever works
on the same letters has the same one, whatever else their settings say.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from pipeline import topics
from pipeline.deadletters.letter import Place, redrive_headers
from pipeline.deadletters.marks import Mark
from pipeline.deadletters.policy import Outgoing
from pipeline.errors import KafkaUnreachableError, SesameError
from pipeline.kafka import confluent_config
from pipeline.settings import Settings

TRANSACTION_S_MAX = 10.0
"""After which the broker ends it: until then an abandoned one holds up its topics' readers."""
_TOGETHER_BYTES = 512 * 1024
"""Of records sent together: a larger batch could be too much for a topic that takes each."""
_OVERHEAD_BYTES = 64 * 1024
_FLUSH_S = 0.2
_ATTEMPTS = 5
_FENCED = {
    KafkaError._FENCED,  # noqa: SLF001 - its name
    KafkaError.PRODUCER_FENCED,
    KafkaError.INVALID_PRODUCER_EPOCH,
}
_OF_A_RECORD = {
    KafkaError.MSG_SIZE_TOO_LARGE,
    KafkaError.RECORD_LIST_TOO_LARGE,
    KafkaError.INVALID_RECORD,
    KafkaError.INVALID_TIMESTAMP,
}
_PURGED = {KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT}  # noqa: SLF001 - their names
_SILENT = {KafkaError._TIMED_OUT, KafkaError._TRANSPORT}  # noqa: SLF001 - their names


class TakenOverError(SesameError):
    """Another redrive has begun on the partition; nothing of the batch was sent."""

    def __init__(self, partition: int) -> None:
        super().__init__(
            f"partition {partition} of the dead letters was taken over by another redrive, or "
            "took the broker too long; what was sent before is marked: run it again for the rest"
        )


class RefusedByBrokerError(SesameError):
    """The broker does not take one of the records; nothing of the batch was sent."""


@dataclass(frozen=True, slots=True)
class Departure:
    """One record to send back to ``partition`` of its topic, and what its mark says of it."""

    record: Outgoing
    partition: int
    is_forced: bool

    @property
    def count(self) -> int:
        """How often its record has been sent back, this time included."""
        earlier = self.record.letter.earlier
        return 1 + (earlier.count if earlier else 0)


class RedriveSender:
    """Sends batches for one partition of the letters; making one fences every other.

    Raises:
        KafkaUnreachableError: No broker answers.
    """

    def __init__(self, settings: Settings, partition: int) -> None:
        """End what others have under way, and keep them from beginning anything."""
        self._settings = settings
        self._partition = partition
        self._patience_s = settings.request_timeout_s
        self._control = settings.topic(topics.DEAD_LETTER_REDRIVES.name)
        self._letters = settings.topic(topics.DEAD_LETTERS.name)
        self._producer = _producer(settings, f"{self._control}-{partition}")
        try:
            self._producer.init_transactions(self._patience_s)
        except KafkaException as error:
            raise self._meaning(error.args[0]) from error

    def send(self, batch: Sequence[Departure], at_ms: int, forget: Sequence[int]) -> list[Mark]:
        """Send records back and mark their letters, in one transaction.

        Args:
            batch: The records.
            at_ms: Their timestamp.
            forget: Offsets of letters that are no longer kept, to remove the marks of.

        Returns:
            Each record's mark, in order.

        Raises:
            TakenOverError: Another redrive began meanwhile; nothing of the batch was sent.
            RefusedByBrokerError: The broker does not take a record; nothing was sent.
            SesameError: The broker fails; another run finds out what was sent.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._transact(batch, at_ms, forget)
            except KafkaException as error:
                refusal = self._abort()
                reason = error.args[0]
                # Once all is over, producing says only that; asked to abort, the client says why.
                if reason.code() == KafkaError._FATAL and refusal:  # noqa: SLF001 - its name
                    reason = refusal
                # The client may still be dropping what an aborted transaction left behind.
                if reason.code() not in _PURGED or attempt == _ATTEMPTS:
                    raise self._meaning(reason) from error
            except BaseException:
                self._abort()
                raise
        raise AssertionError("the last attempt returns or raises")

    def _transact(
        self, batch: Sequence[Departure], at_ms: int, forget: Sequence[int]
    ) -> list[Mark]:
        self._producer.begin_transaction()
        marks = self._send_records(batch, at_ms)
        self._send_marks(batch, marks, forget)
        self._commit()
        return marks

    def _send_records(self, batch: Sequence[Departure], at_ms: int) -> list[Mark]:
        places: dict[int, Place] = {}
        refused: list[KafkaError] = []

        def keep(at: int) -> Callable[[KafkaError | None, Message], None]:
            def delivered(error: KafkaError | None, message: Message) -> None:
                if error is None:
                    places[at] = Place(message.partition() or 0, message.offset() or 0)
                else:
                    refused.append(error)

            return delivered

        for at, departure in enumerate(batch):
            record = departure.record
            self._producer.produce(
                self._settings.topic(record.topic.name),
                record.value,
                record.key,
                departure.partition,
                on_delivery=keep(at),
                timestamp=at_ms,
                headers=list(redrive_headers(record.letter, self._letters, at_ms)),
            )
        self._flush(refused)
        return [self._mark(each, places[at], at_ms) for at, each in enumerate(batch)]

    def _mark(self, departure: Departure, place: Place, at_ms: int) -> Mark:
        record = departure.record
        return Mark(
            at_ms=at_ms,
            count=departure.count,
            topic=self._settings.topic(record.topic.name),
            partition=place.partition,
            offset=place.offset,
            failed_at_ms=record.letter.failed_at_ms,
            fixed=record.is_fixed,
            forced=departure.is_forced,
        )

    def _send_marks(
        self, batch: Sequence[Departure], marks: Sequence[Mark], forget: Sequence[int]
    ) -> None:
        for departure, mark in zip(batch, marks, strict=True):
            self._put(departure.record.letter.place, mark.encode())
        for offset in forget:
            self._put(Place(self._partition, offset), None)

    def _put(self, place: Place, value: bytes | None) -> None:
        self._producer.produce(self._control, value, str(place), self._partition)

    def _flush(self, refused: Sequence[KafkaError]) -> None:
        """Wait until all is delivered; once a record is refused, the others stay for ever."""
        deadline = time.monotonic() + self._patience_s
        while self._producer.flush(_FLUSH_S):
            if refused:
                break
            if time.monotonic() > deadline:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - its name
        if refused:
            raise KafkaException(refused[0])

    def _commit(self) -> None:
        deadline = time.monotonic() + self._patience_s
        while True:
            try:
                return self._producer.commit_transaction(self._patience_s)
            except KafkaException as error:
                if not error.args[0].retriable() or time.monotonic() > deadline:
                    raise

    def _abort(self) -> KafkaError | None:
        """End the transaction; why it cannot be, if so.

        Then the next redrive ends it, or the broker after its time limit.
        """
        try:
            self._producer.abort_transaction(self._patience_s)
        except KafkaException as error:
            reason: KafkaError = error.args[0]
            return reason
        return None

    def _meaning(self, error: KafkaError) -> SesameError:
        """What an error of the client means here."""
        if error.code() in _FENCED:
            return TakenOverError(self._partition)
        if error.code() in _SILENT:
            return KafkaUnreachableError(self._settings.bootstrap, error.str())
        if error.code() in _OF_A_RECORD:
            return RefusedByBrokerError(f"the broker does not take it: {error.str()}")
        return SesameError(f"the redrive ends: {error.str()}")


def _producer(settings: Settings, transactional_id: str) -> Producer:
    timeout_ms = round(min(TRANSACTION_S_MAX, settings.transaction_timeout_s) * 1_000)
    config = confluent_config(settings)
    silent = logging.getLogger("sesame.redrive")
    silent.disabled = True  # what goes wrong is raised
    return Producer(
        {
            **config,
            # No request may outlive the transaction it belongs to.
            "socket.timeout.ms": min(timeout_ms, int(config["socket.timeout.ms"])),
            "transactional.id": transactional_id,
            "transaction.timeout.ms": timeout_ms,
            "delivery.timeout.ms": timeout_ms,
            "message.max.bytes": topics.DEAD_LETTER_BYTES_MAX + _OVERHEAD_BYTES,
            # What fitted into its topic only compressed does so again.
            "compression.type": "zstd",
            "batch.size": _TOGETHER_BYTES,
            "linger.ms": 5,
            "logger": silent,
        }
    )
