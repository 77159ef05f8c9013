"""What a batch of the factor pipeline writes, laid out by topic and partition."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np

from pipeline import topics
from pipeline.codec.murmur import murmur2_all, partitions_of
from pipeline.streaming import journal
from pipeline.streaming.changelog import POSITION_KEY
from pipeline.streaming.flow import Send
from pipeline.streaming.output import Output
from pipeline.streaming.records import Entry


def sends(
    output: Output, partition: int, partitions: int, changelog: topics.Topic = topics.CHANGELOG
) -> Iterator[Send]:
    """The records of an output; nearly all lie in the partition they come from.

    Args:
        output: What a batch of ``partition`` writes.
        partition: The batch's own.
        partitions: How many every topic has.
        changelog: The changelog of the partition's generation.
    """
    position = output.position.encode()
    yield _send(changelog, partition, [*output.changelog, (POSITION_KEY, position)])
    entry = journal.encode(output.kind, position, output.refused)
    yield _send(topics.JOURNAL, partition, [(journal.KEY, entry)])
    yield _send(topics.SCORES, partition, output.scores)
    yield _send(topics.SCORE_CHANGES, partition, output.score_changes)
    for number, entries in _by_partition(output.peer_signals, partitions):
        yield _send(topics.PEER_SIGNALS, number, entries)
    letters = ((letter.key, letter.value, letter.headers) for letter in output.dead_letters)
    yield Send(topics.DEAD_LETTERS, partition, letters)


def _send(topic: topics.Topic, partition: int, entries: Iterable[Entry]) -> Send:
    return Send(topic, partition, ((key, value, ()) for key, value in entries))


def _by_partition(entries: list[Entry], partitions: int) -> Iterator[tuple[int, list[Entry]]]:
    if not entries:
        return
    # Kafka's default partitioner: the receiver's records of every topic lie there.
    places = partitions_of(murmur2_all([key for key, _ in entries]), partitions)
    order = np.argsort(places, kind="stable").tolist()
    ends = np.cumsum(np.bincount(places, minlength=partitions)).tolist()
    for partition, (start, end) in enumerate(pairwise([0, *ends])):
        if start < end:
            yield partition, [entries[i] for i in order[start:end]]
