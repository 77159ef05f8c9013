"""Sees everything that is committed, from before a run to its end.

Outputs are compacted while a run goes on, and a restore sees only what is left. The witness
reads along, so that what was written in between can be held against what it should have been.

    with Witness(settings, partner_ids) as witness:   # the topics are there already
        ...                                           # the run
        while witness.behind(): time.sleep(0.5)
        verdict = check(settings, witness, model, sent=load.acknowledged)
"""

import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from pipeline import topics
from pipeline.dev.chaos.ends import Part
from pipeline.dev.chaos.errors import ChaosError
from pipeline.dev.chaos.followed import Followed
from pipeline.dev.chaos.records import Record, record_of
from pipeline.kafka import confluent_config
from pipeline.reference.person import month_of
from pipeline.settings import Settings
from pipeline.streaming import generations, journal
from pipeline.streaming.position import Position
from pipeline.topics import Topic

_FETCHED_MAX = 10_000
_WAIT_S = 0.1
_NEW_TOPICS_S = 1.0
_READ_S = 60.0
_ASKED_AGAIN_S = 1.0
_START_S = 15.0
_SAME_VALUES = (topics.SCORES.name, topics.SCORE_CHANGES.name)


class Witness:
    """Follows what the pipeline reads and writes, in a thread of its own.

    It outlives the brokers' restarts. Of changelogs it keeps the last value by key, of inputs
    the last offsets, of all other topics every record.
    """

    def __init__(self, settings: Settings, partner_ids: Sequence[str] = ()) -> None:
        """Set up; entering begins.

        Args:
            settings: The brokers, the topics' prefix and the number of partitions.
            partner_ids: Whose ``partner.<id>.scores`` to follow.
        """
        self.partner_ids = tuple(partner_ids)
        self._settings = settings
        self._followed = Followed(settings, self.partner_ids)
        self._records: dict[str, list[Record]] = defaultdict(list)
        self._states: dict[Part, dict[bytes, bytes]] = defaultdict(dict)
        self._last: dict[Part, int] = {}
        self._journaled: dict[int, bytes] = {}
        self._reached: dict[Part, int] = {}
        self._values: dict[bytes, bytes] = {}
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="witness", daemon=True)

    def __enter__(self) -> Self:
        """Begin to follow; everything there is already is read first.

        Raises:
            KafkaException: No broker answers.
            ChaosError: A topic has lost its first records.
        """
        self._consumer = Consumer(_config(self._settings))
        deadline = time.monotonic() + _START_S
        while True:
            try:
                self._follow_new()
            except KafkaException:
                # New topics' leaders are not known everywhere at once.
                if time.monotonic() > deadline:
                    raise
                time.sleep(_WAIT_S)
            else:
                break
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Follow no more; what was seen stays."""
        self._ending.set()
        self._thread.join()
        self._consumer.close()

    # What was seen

    def until_read(self, limit_s: float = _READ_S) -> None:
        """Wait until everything that is committed now has been seen; brokers may be away.

        Raises:
            ChaosError: It was not within ``limit_s``, or records were gone before they were read.
        """
        deadline = time.monotonic() + limit_s
        ends: dict[Part, int] | None = None
        asked_at = 0.0
        while ends is None or self._is_short_of(ends):
            if self._error is not None:
                raise ChaosError(f"the witness broke off: {self._error}") from self._error
            if time.monotonic() > deadline:
                raise ChaosError(f"not everything was read after {limit_s:.0f} s: {ends}")
            time.sleep(_WAIT_S / 5)
            if ends is not None and time.monotonic() - asked_at < _ASKED_AGAIN_S:
                continue
            now, asked_at = self._followed.committed_ends(), time.monotonic()
            if ends is None or now is None:
                ends = ends or now
            else:
                # Topics may go meanwhile, or begin anew.
                ends = {part: min(end, now.get(part, 0)) for part, end in ends.items()}

    def behind(self, limit_s: float = _READ_S) -> int:
        """Offsets of input records that are committed and not applied, and sweeps that are due.

        0: the pipeline has caught up.

        Raises:
            ChaosError: See `until_read`.
        """
        self.until_read(limit_s)
        with self._lock:
            last, journaled = dict(self._last), dict(self._journaled)
        positions = {number: journal.decode(value).position for number, value in journaled.items()}
        due = sum(
            max(0, offset + 1 - positions.get(number, Position()).next_offset(name))
            for (name, number), offset in last.items()
        )
        return due + sum(_is_sweep_due(position) for position in positions.values())

    def records(self, topic: Topic | str) -> list[Record]:
        """Every record of a topic that is kept, each partition in its order."""
        name = topic if isinstance(topic, str) else topic.name
        with self._lock:
            return list(self._records[name])

    def generations(self) -> dict[int, int]:
        """Which generation's state each partition works on."""
        numbers = dict.fromkeys(range(self._settings.partitions), 1)
        for record in self.records(topics.GENERATIONS):
            if record.value is not None:
                numbers[record.partition] = generations.decode(record.value)
        return numbers

    def state(self, partition: int, generation: int = 1) -> dict[bytes, bytes]:
        """A changelog's last value by key, the position's too; removed keys are not in it."""
        with self._lock:
            return dict(self._states.get((topics.changelog_of(generation).name, partition), {}))

    # Following

    def _run(self) -> None:
        looked_at = time.monotonic()
        try:
            while not self._ending.is_set():
                messages = self._consumer.consume(_FETCHED_MAX, _WAIT_S)
                with self._lock:
                    for message in messages:
                        self._take(message)
                if time.monotonic() - looked_at > _NEW_TOPICS_S:
                    self._follow_new_if_any()
                    looked_at = time.monotonic()
        except Exception as error:  # noqa: BLE001 - raised again in `until_read`
            self._error = error

    def _take(self, message: Message) -> None:
        error, topic, offset = message.error(), message.topic(), message.offset()
        name = (topic or "").removeprefix(self._settings.topic_prefix)
        part = name, message.partition() or 0
        if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001
            lost = error.code() == KafkaError._AUTO_OFFSET_RESET  # noqa: SLF001
            if lost and topics.generation_of(name):
                self._begin_anew(part)
            elif lost or error.fatal():
                raise KafkaException(error)
            return  # brokers that stop and start: the client goes on by itself
        assert offset is not None  # noqa: S101 - records and ends of partitions have one
        if error is not None:
            self._reached[part] = max(self._reached[part], offset)
        elif offset >= self._reached[part]:
            self._reached[part] = offset + 1
            self._keep(part, record_of(message))

    def _begin_anew(self, part: Part) -> None:
        """Forget what a changelog held: a replay has deleted it and made it again."""
        self._followed.check_beginnings([part])
        beginning = [self._beginning(part)]
        self._consumer.incremental_unassign(beginning)
        self._consumer.incremental_assign(beginning)
        self._reached[part] = 0
        self._states.pop(part, None)

    def _keep(self, part: Part, record: Record) -> None:
        name, _ = part
        if name in self._followed.inputs:
            self._last[part] = record.offset
        elif name in self._followed.logs:
            self._records[name].append(self._thrifty(name, record))
            if name == topics.JOURNAL.name:
                self._journaled[record.partition] = record.value or b""
        elif record.value is None:
            self._states[part].pop(record.key or b"", None)
        else:
            self._states[part][record.key or b""] = record.value

    def _thrifty(self, name: str, record: Record) -> Record:
        """The record; a value that two topics hold is kept once."""
        value = record.value
        if value is None or name not in _SAME_VALUES:
            return record
        known = self._values.pop(value, None)
        if known is None:
            self._values[value] = value
            return record
        return record._replace(value=known)

    def _follow_new_if_any(self) -> None:
        try:
            self._follow_new()
        except KafkaException:
            return  # no broker answers: it is asked again

    def _follow_new(self) -> None:
        """Follow the topics that are there and not followed yet, from their beginnings."""
        fresh = [part for part in self._followed.parts() if part not in self._reached]
        if fresh:
            self._followed.check_beginnings(fresh)
            self._consumer.incremental_assign([self._beginning(part) for part in fresh])
            with self._lock:
                self._reached.update(dict.fromkeys(fresh, 0))

    def _beginning(self, part: Part) -> TopicPartition:
        name, number = part
        return TopicPartition(self._settings.topic(name), number, OFFSET_BEGINNING)

    def _is_short_of(self, ends: dict[Part, int]) -> bool:
        with self._lock:
            return any(self._reached.get(part, 0) < end for part, end in ends.items())


def _is_sweep_due(position: Position) -> bool:
    at_ms = position.watermark_ms
    return at_ms > 0 and position.swept_month < month_of(at_ms)


def _config(settings: Settings) -> dict[str, str | int | bool]:
    return {
        **confluent_config(settings),
        "group.id": f"{settings.topic_prefix}witness",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        # Records that are gone before they were read are not to be jumped over.
        "auto.offset.reset": "error",
        "isolation.level": "read_committed",
        "fetch.wait.max.ms": 50,
        "reconnect.backoff.max.ms": 1_000,
        "log_level": 0,
    }
