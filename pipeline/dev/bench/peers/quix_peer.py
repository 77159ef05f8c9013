"""The same scoring on Quix Streams: a concatenated dataframe with a RocksDB store.

As its documentation has it: the inputs, whose partitions agree, are concatenated so that
they share a store, which is RocksDB with a changelog topic; the state of a message's key is
a JSON value in it; what comes out goes ``to_topic``. At least once, as is its default.
Not as a product: as with the Faust peer, poison records and withdrawals by expiry are left
out, in its favour.
"""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from quixstreams import Application, State, message_context
from quixstreams.kafka.configuration import ConnectionConfig
from quixstreams.models import Deserializer, Serializer

from pipeline import settings as project
from pipeline import topics
from pipeline.dev.bench.peers.notes import Notes, kept_notes
from pipeline.dev.bench.peers.outgoing import PRODUCER, Outgoing, Sent
from pipeline.dev.bench.plain.codec import Reader
from pipeline.dev.bench.plain.people import People
from pipeline.dev.bench.plain.person import Event, Person
from pipeline.dev.bench.plain.scoring import Card
from pipeline.factors.admission import Policy
from pipeline.kafka import confluent_config
from pipeline.scoring.model import load_model
from pipeline.settings import Settings
from pipeline.topics import Topic

_STORE, _PERSON = "people", "person"
_COMMIT_INTERVAL_S = 5.0
"""Its default; a shorter one writes each person to store and changelog more often."""
_POLL_TIMEOUT_S = 0.01
"""For batches that do not fill; with its default of 1.0, aligned inputs wait that long each time
one of them runs dry."""
_CONSUMER = {"fetch.message.max.bytes": 1 << 22}


class Avro(Deserializer):  # type: ignore[misc] # not installed here
    """Values in the wire format, read by fastavro."""

    def __init__(self, topic: Topic) -> None:
        super().__init__()
        self._read = Reader(topic)

    def __call__(self, value: bytes, ctx: Any) -> Event:  # noqa: ARG002 - as it is called
        """One event."""
        return self._read(value)


class Payload(Serializer):  # type: ignore[misc] # not installed here
    """The bytes of a record that is encoded already; None is a tombstone."""

    def __call__(self, value: Sent, ctx: Any) -> bytes | None:  # noqa: ARG002 - as it is called
        """Those bytes."""
        return value.value


class Stored:
    """People in the store's transaction of the partition at hand.

    A function is handed the state of its message's key; when the watermark enters a month
    others of the partition are scored too, each in the state of their own key.
    """

    user: str
    state: State

    def get(self, user: str, /) -> Person | None:
        """A person, None for nobody."""
        person: Person | None = self._of(user).get(_PERSON)
        return person

    def __getitem__(self, user: str, /) -> Person:
        person = self.get(user)
        if person is None:
            raise KeyError(user)
        return person

    def __setitem__(self, user: str, person: Person, /) -> None:
        self._of(user).set(_PERSON, person)

    def __delitem__(self, user: str, /) -> None:
        self._of(user).delete(_PERSON)

    def _of(self, user: str) -> State:
        if user == self.user:
            return self.state
        return self.state._transaction.as_state(prefix=user.encode())  # noqa: SLF001 - see above


def build(settings: Settings, notes: Notes, folder: Path) -> Application:
    """The application with one pipeline of all inputs; ``folder`` takes its store."""
    app = Application(
        broker_address=ConnectionConfig.from_librdkafka_dict(
            confluent_config(settings), ignore_extras=True
        ),
        consumer_group=settings.topic_prefix + settings.app_id,
        auto_offset_reset="earliest",
        commit_interval=_COMMIT_INTERVAL_S,
        consumer_extra_config=_CONSUMER,
        producer_extra_config=PRODUCER,
        consumer_poll_timeout=_POLL_TIMEOUT_S,
        state_dir=folder,
        loglevel="WARNING",
    )
    declared = {
        topic.name: app.topic(
            settings.topic(topic.name),
            key_serializer="bytes",
            key_deserializer="bytes",
            value_serializer=Payload(),
            value_deserializer=Avro(topic),
        )
        for topic in (*topics.INPUTS, topics.SCORES)
    }
    frames = [
        app.dataframe(declared[topic.name]).apply(lambda event, name=topic.name: (name, event))
        for topic in topics.INPUTS
    ]
    frame = frames[0]
    for other in frames[1:]:
        frame = frame.concat(other)
    # By default the store is named after all topics, which is longer than Kafka lets a topic be.
    frame = frame.__dataframe_clone__(stream=frame.stream, stream_id=_STORE)
    frame = frame.apply(scorer(settings, notes), stateful=True, metadata=True, expand=True)
    frame.to_topic(lambda sent, *_: declared[sent.topic], key=lambda sent: sent.key)
    return app


def scorer(settings: Settings, notes: Notes) -> Callable[..., list[Sent]]:
    """What is done with each event."""
    card, stored = Card(load_model(settings.model)), Stored()
    people = People(stored, card, Policy(lateness_days=settings.lateness_days))
    outgoing = Outgoing(settings, card.model)

    def score(
        named: tuple[str, Event], _key: bytes, kafka_ms: int, _headers: Any, state: State
    ) -> list[Sent]:
        name, event = named
        stored.user, stored.state = event["user_id"], state
        told = people.apply(name, event, message_context().partition, kafka_ms)
        notes.note(name)
        return outgoing.records(told)

    return score


def main() -> None:
    """Run the peer until it is told to end."""
    with kept_notes() as notes, TemporaryDirectory(prefix="sesame-bench-") as folder:
        build(project.load(), notes, Path(folder)).run()


if __name__ == "__main__":
    main()
