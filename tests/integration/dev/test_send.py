from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from numpy.typing import NDArray

from pipeline.codec.inputs import decode_inputs
from pipeline.codec.reasons import Reason
from pipeline.codec.registry import FileRegistry
from pipeline.dev.broker import EmbeddedBroker
from pipeline.dev.simulator import Spec, simulate
from pipeline.dev.simulator import send as sending
from pipeline.dev.simulator.history import TOPICS
from pipeline.dev.simulator.send import Report, send
from pipeline.dev.simulator.traffic import Chunk, Mistakes, Traffic
from pipeline.errors import KafkaUnreachableError, RefusedError, SesameError
from pipeline.provision import ensure_topics
from pipeline.settings import Settings, load
from pipeline.topics import Topic

SPEC = Spec(people=200, months=6, end_ms=1_793_000_000_000)
PARTITIONS = 3
Record = tuple[int, bytes | None, bytes | None]


@pytest.fixture
def settings(kafka: str, topic_prefix: str) -> Settings:
    chosen = load(bootstrap=kafka, topic_prefix=topic_prefix, partitions=PARTITIONS)
    ensure_topics(chosen, [])
    return chosen


def traffic(mistakes: Mistakes | None = None) -> Traffic:
    return Traffic(simulate(SPEC), FileRegistry(), mistakes or Mistakes())


def read(settings: Settings, topic: Topic) -> list[Record]:
    """Everything in a topic, in the order of each partition."""
    consumer = Consumer({"bootstrap.servers": settings.bootstrap, "group.id": "reader"})
    name = settings.topic(topic.name)
    parts = [TopicPartition(name, number, 0) for number in range(PARTITIONS)]
    ends = [consumer.get_watermark_offsets(part, timeout=120)[1] for part in parts]
    consumer.assign(parts)
    records: list[Record] = []
    while len(records) < sum(ends):
        for message in consumer.consume(1_000, 0.2):
            partition = message.partition()
            assert message.error() is None
            assert partition is not None
            key, value = message.key(), message.value()
            assert not isinstance(key, str)
            assert not isinstance(value, str)
            records.append((partition, key, value))
    consumer.close()
    return records


def test_what_arrives_is_the_history_in_event_time_and_each_person_in_one_partition(
    settings: Settings,
) -> None:
    report = send(traffic(), settings)
    history = simulate(SPEC)
    assert report.records == len(history)
    partition_of: dict[bytes | None, set[int]] = defaultdict(set)
    for topic in TOPICS:
        records = read(settings, topic)
        keys, values = [r[1] for r in records], [r[2] for r in records]
        decoded = decode_inputs(topic, keys, values, FileRegistry())
        assert decoded.poison == []
        assert len(records) == len(history.events[topic])
        place = {user: index for index, user in enumerate(history.users)}
        columns = decoded.columns_for(_index([place[user] for user in decoded.users]))
        assert set(columns.id_hash.tolist()) == set(history.as_columns(topic).id_hash.tolist())
        times: dict[int, list[int]] = defaultdict(list)
        for (partition, key, _), at in zip(records, columns.occurred_at_ms.tolist(), strict=True):
            partition_of[key].add(partition)
            times[partition].append(at)
        assert all(ordered == sorted(ordered) for ordered in times.values())
    assert all(len(partitions) == 1 for partitions in partition_of.values())
    assert len({min(partitions) for partitions in partition_of.values()}) == PARTITIONS


def test_bad_records_and_repeats_arrive_as_counted(settings: Settings) -> None:
    report = send(traffic(Mistakes(bad_share=0.05, repeat_share=0.02)), settings)
    refused: Counter[Reason] = Counter()
    arrived = 0
    for topic in TOPICS:
        records = read(settings, topic)
        arrived += len(records)
        assert len(records) == (
            report.events[topic.name] + report.repeats[topic.name] + report.bad[topic.name]
        )
        keys, values = [r[1] for r in records], [r[2] for r in records]
        refused.update(p.reason for p in decode_inputs(topic, keys, values, FileRegistry()).poison)
    assert arrived == report.records
    by_time = {Reason.TOO_LATE, Reason.FUTURE}
    assert refused == {r: n for r, n in report.reasons.items() if r not in by_time}
    assert by_time <= set(report.reasons)


class SleepersClock:
    """Time that only those who sleep spend: what a busy machine takes does not count."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def test_a_given_rate_is_kept(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SleepersClock()
    monkeypatch.setattr(sending, "time", clock)
    small = Traffic(
        simulate(Spec(people=10, months=4, end_ms=SPEC.end_ms)),
        FileRegistry(),
        Mistakes(),
        chunk_events=50,
    )
    told: list[tuple[int, float]] = []
    report = send(
        small, settings, per_second=400, progress=lambda new: told.append((new, clock.now_s))
    )
    assert report.records / report.seconds == pytest.approx(400)
    # Chunk by chunk, not all at once and then nothing.
    assert len(told) > 5
    sent_before = [sum(new for new, _ in told[:at]) for at in range(len(told))]
    assert [at_s for _, at_s in told] == pytest.approx([sent / 400 for sent in sent_before])


def test_missing_topics_are_named(kafka: str, topic_prefix: str) -> None:
    with pytest.raises(RefusedError, match=f"{topic_prefix}payments.*topics apply"):
        send(traffic(), load(bootstrap=kafka, topic_prefix=topic_prefix))


def test_a_broker_that_is_not_there_is_told(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path) as broker:
        gone = load(bootstrap=broker.bootstrap)
    with pytest.raises(KafkaUnreachableError, match=gone.bootstrap):
        send(traffic(), gone)


def test_records_that_the_broker_refuses_are_told(kafka: str, topic_prefix: str) -> None:
    settings = load(bootstrap=kafka, topic_prefix=topic_prefix)
    narrow = {"max.message.bytes": "300"}
    new = [NewTopic(settings.topic(topic.name), 1, 1, config=narrow) for topic in TOPICS]
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 0})
    for created in admin.create_topics(new).values():
        created.result(120)
    with pytest.raises(SesameError, match=r"records were not acknowledged: .*too large"):
        send(traffic(), settings)


def test_a_report_adds_up_over_chunks() -> None:
    report = Report()
    chunks: list[Chunk] = list(traffic(Mistakes(0.1, 0.1)).chunks())
    for chunk in chunks:
        report.add(chunk)
    assert report.records == sum(len(chunk.records) for chunk in chunks)
    assert report.bad.total() == report.reasons.total() > 0


def _index(places: list[int]) -> NDArray[np.int32]:
    return np.array(places, np.int32)
