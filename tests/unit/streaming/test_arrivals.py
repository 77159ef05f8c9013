"""People of a batch are numbered across its topics, in order of their first record."""

import numpy as np
import pyarrow as pa

from pipeline import topics
from pipeline.codec.inputs import Decoded
from pipeline.factors.columns import EventColumns, Int32
from pipeline.streaming.arrivals import DecodedTopic, people


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
