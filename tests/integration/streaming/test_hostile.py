"""What would end or stall a worker for good, if it were not seen to."""

import asyncio
import time
import zlib
from collections import Counter
from collections.abc import Callable

import kafka
import pytest

from pipeline import topics
from pipeline.codec.http_registry import UNKNOWN_FOR_S, UNKNOWN_MAX
from pipeline.codec.reasons import Reason
from pipeline.codec.wire import header
from pipeline.kafka import kafka_python_config
from pipeline.settings import Settings
from pipeline.streaming.transaction import TransactionalWriter, id_of
from tests.integration.deadletters.registry import serving
from tests.integration.support.raw import RawRecord, batch, produce
from tests.integration.support.records import DAY_MS, NOW_MS, good_year, grants, record
from tests.integration.support.stream import Input, Stream


def reasons_of(stream: Stream, partition: int) -> list[str]:
    return [
        dict(letter.headers)["dlq.reason"].decode()
        for letter in stream.read(topics.DEAD_LETTERS)
        if letter.partition == partition
    ]


def test_a_record_without_key_and_value_stops_nobody(stream: Stream) -> None:
    stream.worker().until_ready()

    stream.send([Input(topics.PAYMENTS, None, None, str(Reason.WIRE_FORMAT), partition=2)])
    stream.until_applied()

    assert reasons_of(stream, 2) == ["WIRE_FORMAT"]
    (letter,) = stream.read(topics.DEAD_LETTERS)
    assert (letter.key, letter.value) == (None, None)


@pytest.mark.parametrize("kept_bytes", [1_900_000, 0])
def test_a_bad_record_that_fitted_only_compressed_stops_nobody(
    stream: Stream, kept_bytes: int
) -> None:
    stream.worker().until_ready()
    value = b"\1" * (kept_bytes or 3_000_000)
    producer = kafka.KafkaProducer(
        **kafka_python_config(stream.settings), compression_type="gzip", max_request_size=4_000_000
    )

    sent = producer.send(stream.prefix + "payments", key=b"big", value=value).get(timeout=30)
    producer.close()
    stream.until(lambda: bool(reasons_of(stream, sent.partition)))

    (letter,) = stream.read(topics.DEAD_LETTERS)
    assert zlib.crc32(letter.value or b"") == zlib.crc32(value[:kept_bytes])
    said = dict(letter.headers)["dlq.error"].decode()
    assert ("too many to be kept" in said) == (kept_bytes == 0)


def test_a_lane_that_is_fenced_but_stays_assigned_takes_its_partition_up_again(
    stream: Stream, person: Callable[[str], str]
) -> None:
    worker = stream.worker().until_ready()
    user = person("fenced")
    stream.send(grants(user))
    stream.until_applied()

    async def fence(settings: Settings) -> None:
        writer = TransactionalWriter(settings, id_of(settings.app_id, stream.partition_of(user)))
        await writer.start()
        await writer.stop()

    asyncio.run(fence(stream.settings))
    stream.send(good_year(user, NOW_MS - DAY_MS))
    stream.until_applied()

    assert worker.is_running
    assert (stream.scores()[user] or {})["status"] == "SCORED"
    assert "fenced" in worker.log


def test_a_topic_made_again_under_its_state_is_refused_in_words(
    stream: Stream, person: Callable[[str], str]
) -> None:
    user = person("again")
    worker = stream.worker().until_ready()
    stream.send([*grants(user), record(topics.PAYMENTS, user, NOW_MS)])
    stream.until_applied()
    worker.terminate()
    admin = kafka.KafkaAdminClient(**kafka_python_config(stream.settings))
    admin.delete_topics([stream.prefix + "payments"])
    admin.close()
    stream.until(lambda: _is_gone(stream))
    stream.create_topics()

    status = stream.worker().exit_status()

    assert status == 1
    assert "deleted and made again" in stream.workers[-1].log


def _is_gone(stream: Stream) -> bool:
    admin = kafka.KafkaAdminClient(**kafka_python_config(stream.settings))
    try:
        return stream.prefix + "payments" not in admin.list_topics()
    finally:
        admin.close()


def test_a_header_whose_name_is_no_text_stops_nobody(
    stream: Stream, person: Callable[[str], str]
) -> None:
    user = person("odd")
    worker = stream.worker().until_ready()
    stream.send(grants(user))
    stream.until_applied()
    payment = record(topics.PAYMENTS, user, NOW_MS)
    odd = RawRecord(payment.key, payment.value, ((b"\xff\xfe", b"1"),))
    partition = stream.partition_of(user)

    produce(stream.bootstrap, stream.prefix + "payments", partition, batch([odd]))
    stream.send([record(topics.PAYMENTS, user, NOW_MS)])
    stream.until_applied()

    assert worker.is_running
    assert stream.read(topics.DEAD_LETTERS) == []
    assert (stream.row(user)["recent_payments"] != 0).sum() == 2


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
def test_a_batch_that_unpacks_to_more_than_may_be_held_is_one_dead_letter(
    stream: Stream, person: Callable[[str], str], codec: str
) -> None:
    user = person("bomb")
    worker = stream.worker(SESAME_UNPACKED_BYTES_MAX=str(1 << 20)).until_ready()
    stream.send(grants(user))
    stream.until_applied()
    partition = stream.partition_of(user)
    large = batch([RawRecord(b"k", b"\0" * 600_000)] * 2, codec)

    produce(stream.bootstrap, stream.prefix + "payments", partition, large)
    stream.send([record(topics.PAYMENTS, user, NOW_MS)])
    stream.until_applied()

    assert len(large) < 10_000
    assert worker.is_running
    (letter,) = stream.read(topics.DEAD_LETTERS)
    said = {name: value.decode() for name, value in letter.headers}
    assert (said["dlq.reason"], said["dlq.offset"]) == ("WIRE_FORMAT", "1")
    assert "last 2 records of a batch that begins at 0 were not read" in said["dlq.error"]
    assert (stream.row(user)["recent_payments"] != 0).sum() == 1


def test_a_flood_of_unknown_schemas_asks_the_registry_for_few_and_hides_no_record(
    stream: Stream, person: Callable[[str], str]
) -> None:
    user = person("beside")
    unknown = [
        Input(topics.PAYMENTS, b"x", header(1_000 + n) + b"body", "UNKNOWN_SCHEMA", partition=n % 4)
        for n in range(4_000)
    ]
    with serving() as registry:
        worker = stream.worker(SESAME_REGISTRY_URL=registry.url).until_ready()
        began_s = time.monotonic()
        stream.send(grants(user))
        stream.send(unknown)
        stream.send([record(topics.PAYMENTS, user, NOW_MS)])
        stream.until_applied()
        took_s = time.monotonic() - began_s

    assert worker.is_running
    asked = Counter(registry.asked)
    # Each once, and once again for every time that it was taken for unknown long enough.
    assert max(asked.values()) <= 1 + took_s // UNKNOWN_FOR_S
    assert len(asked) <= UNKNOWN_MAX + len(registry.schemas)
    assert (stream.row(user)["recent_payments"] != 0).sum() == 1
    letters = [dict(letter.headers) for letter in stream.read(topics.DEAD_LETTERS)]
    assert {letter["dlq.reason"] for letter in letters} == {b"UNKNOWN_SCHEMA"}
    assert len(letters) == len(unknown)
