"""A fetch becomes one message a partition, control topics first."""

from dataclasses import dataclass

from faust.types import TP

from pipeline.streaming.transport import batch_scheduler


@dataclass(frozen=True)
class Fetched:
    offset: int
    timestamp: int = 5


def test_each_partition_gives_one_batch_at_its_last_offset() -> None:
    scheduler = batch_scheduler(100, first=())()
    records = {
        TP("payments", 0): [Fetched(3), Fetched(4)],
        TP("payments", 1): [Fetched(9)],
    }

    batches = list(scheduler.iterate(records))

    assert [(tp, batch.offset, len(batch.value)) for tp, batch in batches] == [
        (TP("payments", 0), 4, 2),
        (TP("payments", 1), 9, 1),
    ]


def test_a_fetch_longer_than_the_cap_is_cut_in_order() -> None:
    scheduler = batch_scheduler(2, first=())()
    fetched = [Fetched(offset) for offset in range(5)]

    batches = [batch for _, batch in scheduler.iterate({TP("payments", 0): fetched})]

    assert [[r.offset for r in batch.value] for batch in batches] == [[0, 1], [2, 3], [4]]
    assert [batch.offset for batch in batches] == [1, 3, 4]


def test_control_topics_go_ahead_of_data_topics() -> None:
    scheduler = batch_scheduler(100, first=("x.consents",))()
    records = {TP(topic, 0): [Fetched(0)] for topic in ("a", "x.consents", "z")}

    assert [tp.topic for tp, _ in scheduler.iterate(records)] == ["x.consents", "a", "z"]
