"""People of a batch are numbered across its topics, in order of their first record."""

import numpy as np
import pyarrow as pa

from pipeline import topics
from pipeline.codec.inputs import Decoded
from pipeline.factors.columns import EventColumns, Int32
from pipeline.streaming.arrivals import DecodedTopic, decode, people
from pipeline.streaming.columnar import ColumnarRecords
from pipeline.streaming.records import PlainRecord
from tests.unit.codec.samples import PAYMENT, REGISTRY, framed


def decoded(topic: topics.Topic, *users: str) -> DecodedTopic:
    def columns(user: Int32) -> EventColumns:
        none = np.zeros(len(user), np.int64)
        return EventColumns(user, none, none.astype(np.uint64))

    ids = pa.array(users, pa.string())
    return DecodedTopic(topic, [], Decoded(np.arange(len(users)), ids, columns, []), (len(users),))


def test_everybody_is_numbered_once_over_all_topics() -> None:
    found = people(
        [
            decoded(topics.CONSENTS, "eve", "ann", "eve"),
            decoded(topics.PAYMENTS),
            decoded(topics.PROFILES, "bob", "ann"),
        ]
    )
    assert found.users == ["eve", "ann", "bob"]
    assert [of_topic.tolist() for of_topic in found.index] == [[0, 1, 0], [], [2, 1]]


def test_where_nothing_was_decoded_there_is_nobody() -> None:
    found = people([])
    assert (found.users, found.ends, found.index) == ([], (0,), [])


def test_records_held_as_columns_decode_as_the_list_of_them_does() -> None:
    value = framed("payments", PAYMENT)
    listed = [
        PlainRecord(0, 1_000, b"ann", value),
        PlainRecord(1, 1_001, b"bob", value),
        PlainRecord(2, 1_002, b"ann", b"broken"),
        PlainRecord(3, 1_003, None, value),
        PlainRecord(4, 1_004, b"ann", value),
    ]
    held = ColumnarRecords.of(listed)
    assert held is not None
    (ours,) = decode({"payments": held}, REGISTRY)
    (theirs,) = decode({"payments": listed}, REGISTRY)
    assert ours.decoded.poison == theirs.decoded.poison
    assert [poison.index for poison in ours.decoded.poison] == [1, 2, 3]
    assert ours.decoded.users == theirs.decoded.users == ["ann", "ann"]
    user = np.zeros(2, np.int32)
    assert ours.arrivals(user).kafka_timestamp_ms.tolist() == [1_000, 1_004]
    assert theirs.arrivals(user).kafka_timestamp_ms.tolist() == [1_000, 1_004]
