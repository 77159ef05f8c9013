"""What waits for a lane is taken control topics first, in order and once."""

import asyncio
from dataclasses import dataclass

import pytest

from pipeline import topics
from pipeline.streaming.position import Position
from pipeline.streaming.records import Header, Record
from pipeline.streaming.waiting import Taken, Waiting

BYTES = 1 << 20


@dataclass(frozen=True)
class Fetched:
    """A record as the lane sees it."""

    offset: int
    timestamp: int = 0
    key: bytes | None = b"u"
    value: bytes | None = b"v"
    headers: tuple[Header, ...] = ()


def records(*offsets: int) -> list[Record]:
    return [Fetched(offset) for offset in offsets]


def offsets(taken: Taken, topic: str) -> list[int]:
    return [record.offset for record in taken.records.get(topic, [])]


def test_consents_are_taken_whole_even_beyond_the_cap() -> None:
    waiting = Waiting(topics.INPUTS)
    waiting.put("payments", records(0, 1), lambda: None)
    waiting.put("consents", records(0, 1, 2), lambda: None)
    waiting.put("consents", records(3, 4), lambda: None)

    taken = waiting.take(2, BYTES)

    assert offsets(taken, "consents") == [0, 1, 2, 3, 4]
    assert offsets(taken, "payments") == []
    assert offsets(waiting.take(2, BYTES), "payments") == [0, 1]


def test_a_batch_larger_than_the_cap_is_still_taken() -> None:
    waiting = Waiting(topics.INPUTS)
    waiting.put("payments", records(*range(10)), lambda: None)

    assert offsets(waiting.take(3, BYTES), "payments") == list(range(10))


def test_headers_count_among_the_bytes_that_wait() -> None:
    waiting = Waiting(topics.INPUTS)
    large = [Fetched(at, headers=(("name", b"h" * 1_000),)) for at in (0, 1)]
    waiting.put("payments", large, lambda: None)
    waiting.put("payments", records(2), lambda: None)

    assert waiting.nbytes > 2_000
    assert offsets(waiting.take(10, 1_500), "payments") == [0, 1]
    assert waiting.nbytes < 10


def test_a_batch_of_more_bytes_than_the_cap_is_taken_alone() -> None:
    waiting = Waiting(topics.INPUTS)
    large = [Fetched(at, value=b"v" * 1_000) for at in (0, 1)]
    waiting.put("payments", large, lambda: None)
    waiting.put("payments", [Fetched(2, value=b"v" * 99)], lambda: None)
    waiting.put("payments", [Fetched(3, value=b"v" * 100)], lambda: None)

    assert waiting.nbytes == 2_203
    assert offsets(waiting.take(100, 200), "payments") == [0, 1]
    assert waiting.nbytes == 201
    assert offsets(waiting.take(100, 200), "payments") == [2]
    assert offsets(waiting.take(100, 200), "payments") == [3]
    assert waiting.nbytes == 0


def test_batches_of_several_topics_are_merged_up_to_the_cap() -> None:
    waiting = Waiting(topics.INPUTS)
    for start in (0, 2, 4):
        waiting.put("payments", records(start, start + 1), lambda: None)
        waiting.put("consumption", records(start, start + 1), lambda: None)

    taken = waiting.take(8, BYTES)

    assert offsets(taken, "payments") == [0, 1, 2, 3]
    assert offsets(taken, "consumption") == [0, 1, 2, 3]
    assert waiting.records == 4


def test_a_batch_fetched_again_is_not_taken_twice_but_acknowledged() -> None:
    acknowledged: list[str] = []
    waiting = Waiting(topics.INPUTS)
    waiting.put("payments", records(0, 1, 2), lambda: acknowledged.append("first"))
    waiting.put("payments", records(1, 2, 3), lambda: acknowledged.append("again"))

    taken = waiting.take(100, BYTES)
    for acknowledge in taken.acknowledge:
        acknowledge()

    assert offsets(taken, "payments") == [0, 1, 2, 3]
    assert acknowledged == ["first", "again"]


@pytest.mark.parametrize(
    ("applied", "left"), [(-1, [3, 4, 5]), (3, [4, 5]), (4, [5]), (5, []), (9, [])]
)
def test_what_the_position_says_is_applied_is_left_out(applied: int, left: list[int]) -> None:
    taken = Taken(records={"payments": records(3, 4, 5)})

    taken.drop_applied(Position(applied={"payments": applied}))

    assert offsets(taken, "payments") == left
    assert ("payments" in taken.records) == bool(left)


def test_topics_that_come_later_are_taken_after_the_named_ones() -> None:
    waiting = Waiting([topics.SCORES, topics.CONSENTS])
    waiting.put("partner.x.outcomes", records(0), lambda: None)
    waiting.put("scores", records(0), lambda: None)
    waiting.put("consents", records(0), lambda: None)

    assert waiting.records_of("partner.x.outcomes") == 1
    assert waiting.records_of("partner.y.outcomes") == 0
    assert list(waiting.take(10, BYTES).records) == ["consents", "scores", "partner.x.outcomes"]


def wait(waiting: Waiting, seconds_max: float | None) -> None:
    async def within_limits() -> None:
        async with asyncio.timeout(60):
            await waiting.wait(seconds_max)

    asyncio.run(within_limits())


def test_a_wait_ends_when_its_time_has_passed() -> None:
    waiting = Waiting(topics.INPUTS)

    wait(waiting, 0.01)

    assert not waiting.take(10, BYTES)


def test_what_has_arrived_ends_a_wait_without_limit() -> None:
    waiting = Waiting(topics.INPUTS)
    waiting.put("payments", records(0), lambda: None)

    wait(waiting, None)

    assert offsets(waiting.take(10, BYTES), "payments") == [0]
