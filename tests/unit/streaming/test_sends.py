"""What one transaction holds beside rows and scores."""

import json

from kafka.partitioner.default import murmur2

from pipeline import topics
from pipeline.factors.state import BatchState
from pipeline.streaming import changelog, journal
from pipeline.streaming.flow import Send
from pipeline.streaming.journal import Kind
from pipeline.streaming.output import Output
from pipeline.streaming.position import Position
from pipeline.streaming.records import Entry
from pipeline.streaming.sends import sends

POSITION = Position({"payments": 41, "consents": 7}, 1_780_300_000_000, 677)


def written(kind: Kind) -> list[Send]:
    return list(sends(Output(kind, BatchState.empty([]), POSITION), partition=2, partitions=4))


def test_each_kind_of_transaction_enters_the_journal_once() -> None:
    for kind in Kind:
        (send,) = (send for send in written(kind) if send.topic is topics.JOURNAL)
        ((key, value, headers),) = send.records

        assert (send.partition, key, headers) == (2, b"p", ())
        assert value is not None
        assert journal.decode(value) == journal.Entry(kind, POSITION)


def test_the_journal_says_what_the_changelog_says_and_the_kind() -> None:
    values = {send.topic.name: list(send.records)[-1:] for send in written(Kind.SWEEP)}
    ((key, in_changelog, _),) = values[topics.CHANGELOG.name]
    ((_, in_journal, _),) = values[topics.JOURNAL.name]

    assert key == changelog.POSITION_KEY
    assert in_changelog is not None
    assert in_journal is not None
    assert json.loads(in_journal) == {"kind": "SWEEP"} | json.loads(in_changelog)


def test_a_signal_lies_where_the_receivers_other_records_lie_and_in_order() -> None:
    signals: list[Entry] = [
        (f"user-{number % 50}".encode(), str(number).encode()) for number in range(200)
    ]
    output = Output(Kind.BATCH, BatchState.empty([]), POSITION, peer_signals=signals)

    told: list[Entry] = []
    for send in sends(output, partition=2, partitions=16):
        if send.topic is topics.PEER_SIGNALS:
            found = [(key or b"", value) for key, value, _ in send.records]
            told += found
            assert {(murmur2(key) & 0x7FFF_FFFF) % 16 for key, _ in found} == {send.partition}
            assert found == [one for one in signals if one in found]
    assert sorted(told) == sorted(signals)


def test_without_signals_nothing_is_sent_there() -> None:
    assert not [send for send in written(Kind.BATCH) if send.topic is topics.PEER_SIGNALS]
