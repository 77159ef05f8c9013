"""A changelog that cannot be applied ends the worker with its place, and is left as it is."""

import numpy as np
import pytest
from confluent_kafka import TopicPartition

from pipeline import topics
from pipeline.factors.layout import FACTOR_ROW
from pipeline.streaming.position import Position
from tests.integration.streaming.conftest import NewStream
from tests.integration.support.stream import Input, Stream
from tests.integration.support.tail import Ends

FAILED = 1
POSITION = Position({"consents": -1}).encode()


def row(layout: int, size: int = FACTOR_ROW.itemsize) -> bytes:
    return bytes([layout]) + bytes(size - 1)


def write(stream: Stream, *records: tuple[bytes, bytes]) -> None:
    stream.write(Input(topics.CHANGELOG, key, value, partition=0) for key, value in records)


def written(stream: Stream) -> int:
    """How far the changelog goes, whether committed or not."""
    parts = [TopicPartition(stream.prefix + topics.CHANGELOG.name, 0)]
    return Ends(stream.bootstrap).written(parts)[0]


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        (b"rann", row(9), "factor row of layout 9, and this program knows 1 to 2; a newer program"),
        (b"rann", row(2, 400), "factor row of layout 2 and 400 bytes, and that layout has 493"),
        (b"xann", b"?", "is of no known kind"),
        (b"r\xff", row(2), "is not UTF-8"),
        (b"p", b'{"layout": 1, "applied"', "position that cannot be read"),
    ],
    ids=["newer layout", "wrong size", "unknown kind", "key not UTF-8", "corrupt position"],
)
def test_what_cannot_be_applied_ends_the_worker_and_is_left_as_it_is(
    new_stream: NewStream, key: bytes, value: bytes, told: str
) -> None:
    stream = new_stream(1).create_topics()
    good = np.zeros((), FACTOR_ROW)
    good["layout"] = 2
    write(stream, (b"rbob", good.tobytes()), (b"p", POSITION), (key, value))
    before = stream.read(topics.CHANGELOG).copy(), written(stream)

    worker = stream.worker()

    assert worker.exit_status() == FAILED
    assert f"{topics.CHANGELOG.name}, partition 0, offset 2: " in worker.log
    assert told in worker.log
    assert "`sesame replay` builds the state anew" in worker.log
    assert "Traceback" not in worker.log
    assert (stream.read(topics.CHANGELOG), written(stream)) == before


def test_rows_without_a_position_end_the_worker(new_stream: NewStream) -> None:
    stream = new_stream(1).create_topics()
    write(stream, (b"rann", row(2)))

    worker = stream.worker()

    assert worker.exit_status() == FAILED
    assert "partition 0, has 1 people and no position" in worker.log
    assert "Traceback" not in worker.log
    assert written(stream) == 1
