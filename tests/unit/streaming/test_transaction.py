"""What a lane's transaction puts into the batches that it hands to the broker."""

import time

import pytest
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch

from pipeline.streaming.transaction import fill


def filled(timestamp_ms: int | None) -> list[int]:
    batch = BatchBuilder(10_000, 0, is_transactional=1)
    messages = [(b"k", b"v", ()), (b"k", None, ())]
    assert fill(batch, messages[0], iter(messages[1:]), timestamp_ms) is None
    return [record.timestamp for record in DefaultRecordBatch(bytes(batch._build()))]


@pytest.mark.parametrize("at_ms", [0, 86_400_000])
def test_records_bear_the_timestamp_that_is_asked_for(at_ms: int) -> None:
    assert filled(at_ms) == [at_ms, at_ms]


def test_records_bear_the_time_of_now_where_none_is_asked_for() -> None:
    before_ms = int(time.time() * 1000)

    assert all(before_ms <= at_ms <= time.time() * 1000 for at_ms in filled(None))
