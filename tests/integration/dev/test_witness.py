"""The witness on a broker of its own that is killed, restarted, and compacts what it can."""

import time
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from pipeline import provision, settings, topics
from pipeline.dev.broker import EmbeddedBroker
from pipeline.dev.chaos.errors import ChaosError
from pipeline.dev.chaos.witness import Witness
from pipeline.replay import changelogs
from pipeline.settings import Settings
from pipeline.streaming import generations, journal
from pipeline.streaming.journal import Kind
from pipeline.streaming.position import Position
from pipeline.topics import Topic
from tests.integration.support.tail import Ends

_COMPACTED_S = 180.0
_NOTICED_S = 120.0
_OFTEN = {"segment.ms": "100", "min.cleanable.dirty.ratio": "0.001", "segment.bytes": "1048576"}


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    properties = {"log.cleaner.backoff.ms": "100", "log.initial.task.delay.ms": "100"}
    with EmbeddedBroker(properties=properties) as started:
        yield started


@pytest.fixture
def config(broker: EmbeddedBroker, topic_prefix: str) -> Settings:
    found = settings.load(bootstrap=broker.bootstrap, topic_prefix=topic_prefix, partitions=2)
    provision.ensure_topics(found, [])
    return found


class Lane:
    """Writes transactions as a lane would."""

    def __init__(self, config: Settings) -> None:
        self._config = config
        self._producer = Producer(
            {
                "bootstrap.servers": config.bootstrap,
                "transactional.id": config.topic("lane"),
                "log_level": 0,
            }
        )
        self._producer.init_transactions(_NOTICED_S)

    def write(self, *records: tuple[Topic, int, bytes, bytes | None], commit: bool = True) -> None:
        self._producer.begin_transaction()
        for topic, partition, key, value in records:
            self._producer.produce(self._config.topic(topic.name), value, key, partition)
        if commit:
            self._producer.commit_transaction(_NOTICED_S)
        else:
            self._producer.flush(_NOTICED_S)
            self._producer.abort_transaction(_NOTICED_S)
        # The witness sees what is seen to be committed, which is some time later.
        places = {(self._config.topic(topic.name), partition) for topic, partition, *_ in records}
        Ends(self._config.bootstrap).until_settled(TopicPartition(*place) for place in places)


def entry(**applied: int) -> bytes:
    return journal.encode(Kind.BATCH, Position(applied).encode())


def admin(config: Settings) -> AdminClient:
    return AdminClient({"bootstrap.servers": config.bootstrap, "log_level": 0})


def make(config: Settings, topic: Topic) -> None:
    new = NewTopic(config.topic(topic.name), config.partitions, 1, config=topic.config())
    client = admin(config)
    for future in client.create_topics([new]).values():
        future.result()


def compact_often(config: Settings, topic: Topic) -> None:
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        for name, value in _OFTEN.items()
    ]
    resource = ConfigResource(
        ResourceType.TOPIC, config.topic(topic.name), incremental_configs=entries
    )
    client = admin(config)
    for future in client.incremental_alter_configs([resource]).values():
        future.result()


def until_compacted(config: Settings, topic: Topic, lane: Lane, before: int) -> None:
    deadline = time.monotonic() + _COMPACTED_S
    left = before
    while left >= before:
        assert time.monotonic() < deadline, f"{left} of {before} records left"
        time.sleep(0.5)
        lane.write((topic, 1, b"bob", b"1"), (topic, 0, b"bob", b"1"))  # rolls the segment
        with Witness(config) as late:
            late.until_read()
            left = sum(each.key == b"ann" for each in late.records(topic))


def values(witness: Witness, topic: Topic, partition: int = 0) -> list[bytes | None]:
    return [each.value for each in witness.records(topic) if each.partition == partition]


def test_each_committed_record_is_seen_once_though_the_broker_was_killed(
    broker: EmbeddedBroker, config: Settings
) -> None:
    with Witness(config) as witness:
        lane = Lane(config)
        lane.write((topics.SCORES, 0, b"ann", b"1"))
        witness.until_read()
        broker.kill()
        with pytest.raises(ChaosError, match="after 1 s"):
            witness.until_read(limit_s=1)
        broker.start()
        lane.write((topics.SCORES, 0, b"ann", b"2"), (topics.SCORES, 1, b"bob", b"1"))
        lane.write((topics.SCORES, 0, b"ann", b"aborted"), commit=False)
        lane.write((topics.SCORES, 0, b"ann", None))
        witness.until_read()

        assert values(witness, topics.SCORES) == [b"1", b"2", None]
        assert values(witness, topics.SCORES, 1) == [b"1"]


def test_what_compaction_takes_away_in_between_was_seen(
    broker: EmbeddedBroker, config: Settings
) -> None:
    topic = topics.SCORES
    with Witness(config) as witness:
        lane = Lane(config)
        written: list[bytes | None] = []
        for number in range(20):
            written.append(b"%d" % number * 1000)
            lane.write((topic, 0, b"ann", written[-1]))
        witness.until_read()
        compact_often(config, topic)
        until_compacted(config, topic, lane, before=len(written))

        assert values(witness, topic)[:20] == written


def test_a_state_is_the_last_value_by_key_of_the_generation_that_holds(
    config: Settings,
) -> None:
    second = topics.changelog_of(2)
    with Witness(config) as witness:
        lane = Lane(config)
        lane.write((topics.CHANGELOG, 0, b"rann", b"1"), (topics.CHANGELOG, 0, b"rbob", b"1"))
        lane.write((topics.CHANGELOG, 0, b"rann", b"2"), (topics.CHANGELOG, 0, b"rbob", None))
        make(config, second)
        lane.write((second, 0, b"rann", b"3"), (topics.GENERATIONS, 0, *generations.pointer(0, 2)))
        witness.until_read()

        assert witness.generations() == {0: 2, 1: 1}
        assert witness.state(0) == {b"rann": b"2"}
        assert witness.state(0, 2) == {b"rann": b"3"}


def test_a_changelog_that_a_replay_made_again_is_followed_from_its_new_beginning(
    config: Settings,
) -> None:
    with Witness(config) as witness:
        lane = Lane(config)
        lane.write((topics.CHANGELOG, 0, b"rann", b"1"), (topics.CHANGELOG, 0, b"rbob", b"1"))
        lane.write((topics.SCORES, 0, b"ann", b"1"))
        witness.until_read()
        assert changelogs.delete_before(config, 2) == [1]
        deadline = time.monotonic() + _NOTICED_S
        while witness.state(0):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        Lane(config).write((topics.CHANGELOG, 0, b"reve", b"1"))
        witness.until_read()

        assert witness.state(0) == {b"reve": b"1"}
        assert values(witness, topics.SCORES) == [b"1"]


def test_it_is_behind_until_the_journal_covers_every_input_and_everybody_is_swept(
    config: Settings,
) -> None:
    with Witness(config) as witness:
        lane = Lane(config)
        assert witness.behind() == 0
        lane.write((topics.PAYMENTS, 1, b"ann", b"1"), (topics.PAYMENTS, 1, b"ann", b"2"))
        assert witness.behind() == 2
        lane.write((topics.JOURNAL, 1, b"p", entry(payments=0)))
        assert witness.behind() == 1
        position = Position({"payments": 1}, watermark_ms=1_780_300_000_000)
        lane.write((topics.JOURNAL, 1, b"p", journal.encode(Kind.BATCH, position.encode())))
        assert witness.behind() == 1
        position.swept_month = 677
        lane.write((topics.JOURNAL, 1, b"p", journal.encode(Kind.SWEEP, position.encode())))
        assert witness.behind() == 0


def test_topics_that_have_lost_their_first_records_are_refused(config: Settings) -> None:
    Lane(config).write(*((topics.JOURNAL, 0, b"p", entry(payments=n)) for n in range(3)))
    gone = TopicPartition(config.topic(topics.JOURNAL.name), 0, 2)
    client = admin(config)
    for future in client.delete_records([gone]).values():
        future.result()

    with pytest.raises(ChaosError, match="begins at offset 2"), Witness(config):
        pass
