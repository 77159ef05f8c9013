"""The per-event peer: the same scoring as plain Faust agents with a table.

As Faust's documentation has it: a codec that decodes, an agent a topic, one event at a
time, state in a Table (in memory, with its changelog), sends acknowledged by all replicas.
Not as a product: poison records, withdrawals by expiry and exactly-once are left out, all
in the peer's favour.
"""

import sys
from itertools import count
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import faust
from faust.serializers.codecs import Codec
from faust.types import StreamT

from pipeline import settings as project
from pipeline import topics
from pipeline.codec.open import open_registry
from pipeline.dev.bench.peers.notes import Notes, kept_notes
from pipeline.dev.bench.plain.codec import Reader, Writer
from pipeline.dev.bench.plain.people import People, Told
from pipeline.dev.bench.plain.person import Event
from pipeline.dev.bench.plain.scoring import Card
from pipeline.factors.admission import Policy
from pipeline.scoring.model import load_model
from pipeline.settings import Settings
from pipeline.streaming.credentials import faust_brokers, faust_credentials
from pipeline.topics import Topic


class Avro(Codec):
    """Values in the wire format, read by fastavro; Faust keeps arguments to clone codecs."""

    def __init__(self, children: Any = None, *, topic: Topic, **options: Any) -> None:
        super().__init__(children, topic=topic, **options)
        self._read = Reader(topic)

    def _loads(self, s: bytes) -> Event:
        return self._read(s)


def build(settings: Settings, notes: Notes) -> faust.App:
    """The app with an agent for each input topic."""
    prefix = settings.topic_prefix
    app = faust.App(
        prefix + settings.app_id,
        broker=faust_brokers(settings),
        broker_credentials=faust_credentials(settings),
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=settings.session_timeout_s / 3,
        consumer_auto_offset_reset="earliest",
        producer_acks=-1,
        store="memory://",
        topic_partitions=settings.partitions,
        topic_disable_leader=True,
        datadir=Path(gettempdir()) / "sesame-bench",
    )
    card = Card(load_model(settings.model))
    table = app.Table("people", partitions=settings.partitions)
    people = People(table, card, Policy(lateness_days=settings.lateness_days))
    writer = Writer(card.model, open_registry(settings))
    scores = _raw_topic(app, prefix, topics.SCORES)
    signals = _raw_topic(app, prefix, topics.PEER_SIGNALS)
    numbers = count()

    async def tell(told: Told) -> None:
        for new in told.scores:
            await scores.send(key=new.user.encode(), value=writer.score(new))
        for signal in told.signals:
            event_id = f"peer-{next(numbers):x}"
            value = writer.signal(signal, event_id)
            await signals.send(key=signal.said.receiver.encode(), value=value)

    for topic in topics.INPUTS:
        _add_agent(app, prefix, topic, people, tell, notes)
    return app


def _add_agent(  # noqa: PLR0913 - what an agent's closure holds
    app: faust.App, prefix: str, topic: Topic, people: People, tell: Any, notes: Notes
) -> None:
    channel = app.topic(
        prefix + topic.name,
        key_type=bytes,
        key_serializer="raw",
        value_serializer=Avro(topic=topic),
    )
    name = topic.name

    @app.agent(channel, name=name)
    async def score_one_by_one(stream: StreamT[Event]) -> None:
        async for event in stream.events():
            message = event.message
            told = people.apply(
                name, event.value, message.partition, round(message.timestamp * 1000)
            )
            await tell(told)
            notes.note(name)


def _raw_topic(app: faust.App, prefix: str, topic: Topic) -> Any:
    return app.topic(
        prefix + topic.name,
        key_type=bytes,
        value_type=bytes,
        key_serializer="raw",
        value_serializer="raw",
        allow_empty=True,
    )


def main() -> None:
    """Run a worker of the peer until it is told to end."""
    with kept_notes() as notes:
        app = build(project.load(), notes)
        sys.argv[1:] = ["--loop", "uvloop", "worker", "--without-web", "--loglevel", "warn"]
        app.main()


if __name__ == "__main__":
    main()
