"""Fetch answers come out as aiokafka reads them."""

from typing import Any

import pytest
from aiokafka.protocol.fetch import FetchRequest_v10, FetchRequest_v11, FetchResponse_v11
from hypothesis import given
from hypothesis import strategies as st

from pipeline.streaming.fetches import Fetch, FetchAnswer, FetchInPlace

I16, I32, I64 = (st.integers(-(1 << bits - 1), (1 << bits - 1) - 1) for bits in (16, 32, 64))
ABORTED = st.lists(st.tuples(I64, I64), max_size=3)
PARTITION = st.tuples(I32, I16, I64, I64, I64, ABORTED, I32, st.binary(max_size=40))
TOPICS = st.lists(st.tuples(st.text(max_size=8), st.lists(PARTITION, max_size=4)), max_size=4)


def encoded(topics: list[Any]) -> bytes:
    data: bytes = FetchResponse_v11(7, 0, 3, topics).encode()
    return data


@given(topics=TOPICS)
def test_an_answer_is_read_as_aiokafka_reads_it(topics: list[Any]) -> None:
    read = FetchAnswer.read(memoryview(encoded(topics)))

    assert [(topic, list(map(tuple, partitions))) for topic, partitions in read.topics] == topics
    assert read.API_VERSION == FetchResponse_v11.API_VERSION


@given(topics=TOPICS, data=st.data())
def test_an_answer_that_is_cut_off_is_refused(topics: list[Any], data: st.DataObject) -> None:
    whole = encoded(topics)
    length = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ValueError, match="a fetch answer of"):
        FetchAnswer.read(memoryview(whole)[:length])


def fetched(partition: int, records: bytes) -> tuple[Any, ...]:
    return (partition, 0, 1, 1, 0, [], -1, records)


def test_records_of_one_partition_are_not_copied_and_those_of_several_are() -> None:
    of_one = bytearray(encoded([("payments", [fetched(0, b"records"), fetched(1, b"")])]))
    of_two = bytearray(encoded([("payments", [fetched(0, b"records"), fetched(1, b"others")])]))
    one, two = (FetchAnswer.read(memoryview(frame)) for frame in (of_one, of_two))
    for frame in (of_one, of_two):
        frame[:] = bytes(len(frame))

    assert [bytes(partition[-1]) for partition in one.topics[0][1]] == [bytes(7), b""]
    assert [bytes(partition[-1]) for partition in two.topics[0][1]] == [b"records", b"others"]


def test_records_that_are_missing_are_none() -> None:
    read = FetchAnswer.read(memoryview(encoded([("payments", [fetched(0, None)])])))  # type: ignore[arg-type]

    assert bytes(read.topics[0][1][0][-1]) == b""


def test_a_broker_of_an_older_version_is_asked_as_aiokafka_asks() -> None:
    request = Fetch(20, 1, 100, 1, [("payments", [(0, 5, 100)])])

    assert isinstance(request.build(FetchRequest_v11), FetchInPlace)
    assert type(request.build(FetchRequest_v10)) is FetchRequest_v10
    versions = {FetchRequest_v11.API_KEY: (0, 17)}
    plain = super(Fetch, request).build(FetchRequest_v11)
    assert request.prepare(versions).encode() == plain.encode()
