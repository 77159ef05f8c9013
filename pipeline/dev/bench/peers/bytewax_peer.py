"""The same scoring as a Bytewax dataflow: two stateful operators between Kafka connectors.

State is held by key, so a partition's watermark is an operator's keyed by partition, and a
person is another's keyed by person; when a watermark enters a month, the first has everybody of
the partition scored again by the second. Snapshots go to the recovery store (SQLite). At
least once. Not as a product: as with the Faust peer, poison records and withdrawals by
expiry are left out, in its favour. Events without consent move its watermark too.
"""

import os
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import orjson
from bytewax import operators as op
from bytewax.connectors.kafka import KafkaSinkMessage, KafkaSourceMessage
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulLogic
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

from pipeline import settings as project
from pipeline import topics
from pipeline.dev.bench.peers.notes import Notes, kept_notes
from pipeline.dev.bench.peers.outgoing import PRODUCER, Outgoing, Sent
from pipeline.dev.bench.plain.admission import is_future, month_of
from pipeline.dev.bench.plain.codec import Reader
from pipeline.dev.bench.plain.people import People
from pipeline.dev.bench.plain.person import Event, Person
from pipeline.dev.bench.plain.scoring import Card
from pipeline.factors.admission import Policy
from pipeline.kafka import confluent_config
from pipeline.scoring.model import load_model
from pipeline.settings import Settings

WORKERS = "SESAME_BENCH_WORKERS"
"""How many workers (threads) the process has."""
_WORKERS = 1
_SNAPSHOT_INTERVAL = timedelta(seconds=10)
"""That of its documentation's examples; each snapshot writes everybody changed since."""
_BATCH_SIZE = 1_000
_CONSUMER: dict[str, str | int] = {
    "group.id": "unused",
    "queued.max.messages.kbytes": 4_096,
}
"""A consumer a partition and topic, so each buffers less than the usual 64 MB."""
_UNTIMED = (topics.CONSENTS.name, topics.PEER_SIGNALS.name)


class Read(NamedTuple):
    """An event as it came from Kafka."""

    topic: str
    event: Event
    kafka_ms: int


class Timed(NamedTuple):
    """A person's event and their partition's watermark; no event: time alone went on."""

    user: str
    read: Read | None
    watermark_ms: int


class PartitionLogic(StatefulLogic):  # type: ignore[misc] # not installed here
    """Keeps a partition's watermark and members, and passes events on with it."""

    def __init__(self, policy: Policy, resumed: tuple[int, list[str]] | None) -> None:
        self._policy = policy
        self._watermark_ms, members = resumed or (0, [])
        self._members = dict.fromkeys(members)

    def on_item(self, value: Read) -> tuple[list[Timed], bool]:
        """Pass an event on, and everybody else too when it enters a month."""
        user = value.event["user_id"]
        if value.topic == topics.CONSENTS.name:
            self._members[user] = None
        entered = value.topic not in _UNTIMED and self._advance(value)
        timed = [Timed(user, value, self._watermark_ms)]
        if entered:
            others = (other for other in self._members if other != user)
            timed += [Timed(other, None, self._watermark_ms) for other in others]
        return timed, StatefulLogic.RETAIN

    def snapshot(self) -> tuple[int, list[str]]:
        """What is kept, for recovery."""
        return self._watermark_ms, list(self._members)

    def _advance(self, read: Read) -> bool:
        before_ms, at_ms = self._watermark_ms, read.event["occurred_at"]
        if at_ms <= before_ms or is_future(read.event, read.kafka_ms, self._policy):
            return False
        self._watermark_ms = at_ms
        return month_of(at_ms) > month_of(before_ms)


class PersonLogic(StatefulLogic):  # type: ignore[misc] # not installed here
    """One person, who is the only one in their own table."""

    def __init__(
        self, card: Card, policy: Policy, outgoing: Outgoing, notes: Notes, resumed: bytes | None
    ) -> None:
        self._person: Person | None = None if resumed is None else orjson.loads(resumed)
        self._people = People(self, card, policy)
        self._outgoing = outgoing
        self._notes = notes

    def on_item(self, value: Timed) -> tuple[list[Sent], bool]:
        """Fold an event, and score the person if it changes them."""
        people, read = self._people, value.read
        people.follow(0, value.watermark_ms)
        if read is None:
            told = people.rescore(value.user, 0)
        else:
            told = people.apply(read.topic, read.event, 0, read.kafka_ms)
            self._notes.note(read.topic)
        over = StatefulLogic.RETAIN if self._person else StatefulLogic.DISCARD
        return self._outgoing.records(told), over

    def snapshot(self) -> bytes:
        """The person, for recovery; quicker than a deep copy of them."""
        return orjson.dumps(self._person)

    def get(self, _: str, /) -> Person | None:
        """The person, None for nobody."""
        return self._person

    def __getitem__(self, user: str, /) -> Person:
        if self._person is None:
            raise KeyError(user)
        return self._person

    def __setitem__(self, _: str, person: Person, /) -> None:
        self._person = person

    def __delitem__(self, _: str, /) -> None:
        self._person = None


def build(settings: Settings, notes: Notes) -> Dataflow:
    """The dataflow from the inputs to scores and peer signals."""
    flow = Dataflow("sesame")
    client = {**confluent_config(settings), "log_level": 3}
    inputs = kop.input(
        "inputs",
        flow,
        brokers=settings.brokers,
        topics=[settings.topic(topic.name) for topic in topics.INPUTS],
        add_config={**client, **_CONSUMER},
        batch_size=_BATCH_SIZE,
    )
    policy = Policy(lateness_days=settings.lateness_days)
    by_partition = op.map("read", inputs.oks, reader(settings))
    timed = op.stateful("watermark", by_partition, partial(PartitionLogic, policy))
    by_person = op.map("by person", timed, lambda keyed: (keyed[1].user, keyed[1]))
    card = Card(load_model(settings.model))
    person = partial(PersonLogic, card, policy, Outgoing(settings, card.model), notes)
    told = op.stateful("people", by_person, person)
    prefix = settings.topic_prefix

    def message(keyed: tuple[str, Sent]) -> KafkaSinkMessage[bytes, bytes | None]:
        sent = keyed[1]
        return KafkaSinkMessage(sent.key, sent.value, prefix + sent.topic)

    kop.output(
        "outputs",
        op.map("message", told, message),
        brokers=settings.brokers,
        topic=None,
        # The connector waits for each batch's acknowledgement, so lingering would only idle.
        add_config={**client, **PRODUCER, "linger.ms": 0},
    )
    return flow


def reader(settings: Settings) -> Callable[[KafkaSourceMessage[Any, bytes]], tuple[str, Read]]:
    """What decodes a record and keys it by its partition."""
    readers = {settings.topic(each.name): (each.name, Reader(each)) for each in topics.INPUTS}

    def read(message: KafkaSourceMessage[Any, bytes]) -> tuple[str, Read]:
        name, decode = readers[str(message.topic)]
        kafka_ms = message.timestamp[1] if message.timestamp else 0
        return str(message.partition), Read(name, decode(message.value), kafka_ms)

    return read


def main() -> None:
    """Run the workers until they are told to end."""
    with kept_notes() as notes, TemporaryDirectory(prefix="sesame-bench-") as folder:
        workers = int(os.environ.get(WORKERS, _WORKERS))
        init_db_dir(Path(folder), workers)
        cli_main(
            build(project.load(), notes),
            workers_per_process=workers,
            epoch_interval=_SNAPSHOT_INTERVAL,
            recovery_config=RecoveryConfig(Path(folder)),
        )


if __name__ == "__main__":
    main()
