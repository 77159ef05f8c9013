"""What a worker holds of a partition is the partition's, or it is dropped."""

import asyncio
import functools
import gc
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import ParamSpec

import pytest
from prometheus_client import REGISTRY

from pipeline import topics
from pipeline.codec.registry import FileRegistry
from pipeline.scoring.model import Model
from pipeline.streaming.factor_flow import FactorFlow
from pipeline.streaming.lane import Lane, LaneStatus
from pipeline.streaming.owned import OwnedPartition
from pipeline.streaming.pool import LanePool
from pipeline.streaming.records import Header
from tests.integration.streaming.conftest import NewStream
from tests.integration.support.records import DAY_MS, NOW_MS, good_year, grants, record
from tests.integration.support.replay import assert_as_replayed
from tests.integration.support.stream import Input, Placed, Stream

P = ParamSpec("P")
_WITHIN_S = 120.0


@dataclass(frozen=True)
class Fetched:
    """A record as a consumer gives it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...] = ()


class Member:
    """The lanes of a worker; the test tells them what the group would."""

    def __init__(self, stream: Stream, model: Model) -> None:
        self.failures: list[BaseException] = []
        self._stream = stream
        self.flow = FactorFlow(stream.settings, FileRegistry(), model)
        self.pool = LanePool(stream.settings, self.flow, self.failures.append)

    @property
    def lane(self) -> Lane:
        return self.pool.lanes[0]

    @property
    def owned(self) -> OwnedPartition:
        owned = self.lane._owned
        assert isinstance(owned, OwnedPartition)
        return owned

    async def assign(self, *partitions: int) -> None:
        """The group gives these partitions and takes all others."""
        names = [self._stream.prefix + topic.name for topic in topics.INPUTS]
        await self.pool.on_assigned([(name, number) for name in names for number in partitions])
        await until(lambda: all(self._runs(number) for number in partitions))

    async def revoke(self) -> None:
        """The group begins to share out anew."""
        await self.pool.on_revoked()

    def offer(self, placed: Sequence[Placed]) -> None:
        """Hand over records as they are fetched, consents first."""
        for topic in topics.INPUTS:
            records = [
                Fetched(p.record.offset, p.record.timestamp_ms, p.record.key, p.record.value)
                for p in placed
                if p.topic is topic
            ]
            if records:
                name = self._stream.prefix + topic.name
                self.pool.offer(name, 0, records, lambda: None)

    async def until_applied(self, placed: Sequence[Placed]) -> None:
        """Return when these are applied."""
        last = {p.topic.name: p.record.offset for p in placed}
        await until(
            lambda: all(self.owned.position.applied.get(n, -1) >= o for n, o in last.items())
        )

    def _runs(self, number: int) -> bool:
        assert not self.failures, self.failures
        return self.pool.lanes[number].status is LaneStatus.RUNNING


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(_WITHIN_S):
        while not holds():  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(0.02)


def in_a_loop(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """A test that is a coroutine."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        async def main() -> None:
            await test(*args, **kwargs)

        asyncio.run(main())

    return run


@asynccontextmanager
async def members(stream: Stream, model: Model, number: int) -> AsyncIterator[list[Member]]:
    made = [Member(stream, model) for _ in range(number)]
    try:
        yield made
    finally:
        for member in made:
            await member.pool.close()


@pytest.fixture
def one(new_stream: NewStream) -> Stream:
    """A stream of one partition."""
    return new_stream(1).create_topics()


def bill(user: str, days_ago: int) -> Input:
    return record(topics.PAYMENTS, user, NOW_MS - days_ago * DAY_MS)


def people() -> list[Input]:
    return [each for user in ("ann", "bob") for each in (*grants(user), *good_year(user))]


def assert_never_back(stream: Stream) -> None:
    """No position lies before the one ahead of it."""
    reached: dict[str, int] = {}
    for _, position in stream.positions():
        assert all(position.applied.get(name, -1) >= last for name, last in reached.items())
        reached = position.applied


def gauges_of(partition: int) -> set[str]:
    label = ("partition", str(partition))
    return {
        sample.name
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name.startswith("sesame_") and label in sample.labels.items()
    }


@contextmanager
def no_collector() -> Iterator[None]:
    """What a worker lets go of must not wait for the collector: it is told to run seldom."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@in_a_loop
async def test_a_partition_that_comes_back_untouched_is_gone_on_with(
    one: Stream, model: Model
) -> None:
    sent = one.send(people())
    async with members(one, model, 1) as (member,):
        await member.assign(0)
        member.offer(sent)
        await member.until_applied(sent)
        owned = member.owned

        await member.revoke()
        more = one.send([bill("ann", days) for days in range(3)])
        member.offer(more)  # of the former assignment: dropped
        await member.assign(0)
        member.offer(more)
        await member.until_applied(more)

        assert member.owned is owned
    assert_as_replayed(one, model)


@in_a_loop
async def test_a_partition_that_another_has_advanced_meanwhile_is_rebuilt_to_where_it_stands(
    one: Stream, model: Model
) -> None:
    sent = one.send(people())
    async with members(one, model, 2) as (former, other):
        await former.assign(0)
        former.offer(sent)
        await former.until_applied(sent)
        await former.revoke()
        kept = former.owned

        await other.assign(0)
        more = one.send([bill("ann", days) for days in range(3)])
        other.offer(more)
        await other.until_applied(more)
        await former.assign(0)  # the other is dead to the group, and does not know

        assert former.owned is not kept
        assert former.owned.position == other.owned.position
        for member in (former, other):
            payments = member.owned.position.applied["payments"]
            assert payments == more[-1].record.offset
        mine, theirs = (m.owned.store.gather(["ann", "bob"]) for m in (former, other))
        assert mine.rows.tobytes() == theirs.rows.tobytes()
        last = one.send([bill("bob", 1)])
        other.offer(last)
        await until(lambda: other.lane.status is LaneStatus.FENCED)
        former.offer(last)
        await former.until_applied(last)
    assert_never_back(one)
    assert_as_replayed(one, model)


@in_a_loop
async def test_the_rows_of_a_partition_that_went_to_another_are_let_go(
    new_stream: NewStream, model: Model
) -> None:
    stream = new_stream(2).create_topics()
    # A gateway in the same process, of another test, has some of its own.
    others = {name for name in gauges_of(0) if name.startswith("sesame_gateway_")}
    async with members(stream, model, 1) as (member,):
        await member.assign(0, 1)
        assert "sesame_rows" in gauges_of(0)
        kept, gone = gauges_of(1), weakref.ref(member.owned.store)

        with no_collector():
            await member.revoke()
            await member.assign(1)

            assert gone() is None
        assert gauges_of(0) == others
        assert gauges_of(1) == kept
        assert set(member.pool.lanes) == {1}


@in_a_loop
async def test_the_rows_of_a_lane_that_restores_are_let_go_before(
    one: Stream, model: Model
) -> None:
    async with members(one, model, 2) as (former, other):
        await former.assign(0)
        await former.revoke()
        await other.assign(0)
        gone = weakref.ref(former.owned.store)

        with no_collector():
            await former.assign(0)

            assert gone() is None


@in_a_loop
async def test_consents_that_a_hole_brought_are_not_applied_once_more(
    one: Stream, model: Model
) -> None:
    sent = one.send(people())
    async with members(one, model, 1) as (member,):
        await member.assign(0)
        member.offer(sent)
        await member.until_applied(sent)
        await member.revoke()
        await member.assign(0)

        skipped = one.send([bill("zoe", 3)])
        first = one.send(grants("zoe"))
        second = one.send(grants("eve"))
        data = one.send([bill("zoe", 2)])
        # The group's offsets are ahead of the first bill, and not all consents are fetched yet.
        member.offer([*first, *data])
        await member.until_applied(data)
        member.offer([*skipped, *first, *second])
        await member.until_applied(second)
    assert_never_back(one)
    assert_as_replayed(one, model)
