"""Produce requests and their answers, held against aiokafka's own reading of the protocol."""

import time
from collections.abc import Iterator
from io import BytesIO
from itertools import chain, repeat
from struct import unpack

import pytest
from aiokafka.protocol.api import RequestHeader_v1
from aiokafka.protocol.produce import ProduceRequest_v7, ProduceResponse_v7
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from aiokafka.structs import TopicPartition

from pipeline.streaming.produce import Batch, Message, Outcome, Produce, Produced, fill

ANN = (b"ann", b"1", ())
MESSAGES: list[Message] = [ANN, (b"ann", None, ()), (None, b"", [("reason", b"x"), ("y", b"")])]


def builder(bytes_max: int = 10_000) -> DefaultRecordBatchBuilder:
    return DefaultRecordBatchBuilder(2, 0, 1, 7, 1, 0, bytes_max)


def records_of(built: DefaultRecordBatchBuilder) -> list[tuple[object, ...]]:
    batch = DefaultRecordBatch(bytes(built.build()))
    return [(r.offset, r.key, r.value, list(r.headers), r.timestamp) for r in batch]


@pytest.mark.parametrize("at_ms", [0, 86_400_000])
def test_records_bear_the_timestamp_that_is_asked_for(at_ms: int) -> None:
    built = builder()
    assert fill(built, ANN, iter([ANN]), at_ms) == (2, None)
    assert [record[-1] for record in records_of(built)] == [at_ms, at_ms]


def test_records_bear_the_time_of_now_where_none_is_asked_for() -> None:
    built = builder()
    before_ms = int(time.time() * 1000)
    assert fill(built, ANN, iter([])) == (1, None)
    ((_, _, _, _, at_ms),) = records_of(built)
    assert isinstance(at_ms, int)
    assert before_ms <= at_ms <= time.time() * 1000


def test_a_batch_holds_keys_values_headers_and_what_is_none() -> None:
    built = builder()
    following = iter(MESSAGES)
    assert fill(built, next(following), following, 5) == (3, None)
    assert records_of(built) == [
        (at, key, value, list(headers), 5) for at, (key, value, headers) in enumerate(MESSAGES)
    ]


def test_what_is_too_much_for_a_batch_begins_the_next() -> None:
    following: Iterator[Message] = chain(repeat(ANN, 98), [(b"ben", b"2", ())])
    left: Message | None = ANN
    counts = []
    while left is not None:
        built = builder(400)
        count, left = fill(built, left, following, 5)
        counts.append(count)
        assert len(built.build()) <= 400
    assert sum(counts) == 100
    assert len(counts) > 1


def test_a_record_larger_than_a_batch_makes_one_of_its_own() -> None:
    large = (b"ann", bytes(1_000), ())
    assert fill(builder(400), large, iter([ANN])) == (1, ANN)


def test_a_request_is_what_the_protocol_says() -> None:
    data = {("scores", 1): b"one", ("signals", 0): b"two", ("scores", 300): b"three"}
    batches = [Batch(TopicPartition(*at), bytearray(each)) for at, each in data.items()]

    size, *rest = Produce("sésame-1", 3_000, batches).encode(9, "worker")

    body = b"".join(rest)
    assert unpack(">i", size) == (len(body),)
    read = BytesIO(body)
    header = [field.decode(read) for field in RequestHeader_v1.SCHEMA.fields]
    request = ProduceRequest_v7.decode(read)
    assert header == [request.API_KEY, request.API_VERSION, 9, "worker"]
    assert (request.transactional_id, request.required_acks, request.timeout) == (
        "sésame-1",
        -1,
        3_000,
    )
    assert request.topics == [
        ("scores", [(1, b"one"), (300, b"three")]),
        ("signals", [(0, b"two")]),
    ]
    assert not read.read()


def test_batches_are_sent_as_they_lie() -> None:
    batch = Batch(TopicPartition("scores", 0), bytearray(b"one"))
    pieces = Produce("t", 1, [batch]).encode(1, "worker")
    assert any(piece is batch.data for piece in pieces)


def test_an_answer_tells_what_became_of_each_batch() -> None:
    scores = [(1, 0, 70, -1, 0), (300, 47, -1, -1, -1)]
    answer = ProduceResponse_v7([("scores", scores), ("signäls", [(0, 46, -1, -1, -1)])], 0)
    data = BytesIO(b"\0\0\0\x09" + answer.encode())

    assert Produce.parse_response_header(data).correlation_id == 9
    assert Produced.decode(data).outcomes == {
        TopicPartition("scores", 1): Outcome(0, 70),
        TopicPartition("scores", 300): Outcome(47, -1),
        TopicPartition("signäls", 0): Outcome(46, -1),
    }
