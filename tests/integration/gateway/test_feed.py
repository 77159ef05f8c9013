"""A feed reads partners' topics into a lane, from the position, whatever the broker does."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from pipeline import settings, topics
from pipeline.dev.broker import EmbeddedBroker
from pipeline.gateway.feed import PartnerFeed
from pipeline.gateway.partner_topics import PartnerTopics
from pipeline.streaming.records import Record
from pipeline.topics import Topic

PARTITION = 1
RENTAL, LOAN = topics.partner_outcomes("rental"), topics.partner_outcomes("loan")
_WITHIN_S = 120.0


class Lane:
    """What a feed offers, kept."""

    def __init__(self) -> None:
        self.offered: dict[str, list[int]] = {}
        self.is_behind = False
        self.failures: list[BaseException] = []

    def offer(
        self, topic: str, records: Sequence[Record], acknowledge: Callable[[], object]
    ) -> None:
        self.offered.setdefault(topic, []).extend(record.offset for record in records)
        acknowledge()

    def fail(self, error: BaseException) -> None:
        self.failures.append(error)

    def pending(self, _: str) -> int:
        return 0

    def wake(self) -> None:
        pass

    async def until(self, topic: Topic, offsets: Sequence[int]) -> None:
        async with asyncio.timeout(_WITHIN_S):
            while self.offered.get(topic.name) != list(offsets):
                assert not self.failures
                await asyncio.sleep(0.02)


class Position:
    """What is kept of the topics: one offset for all, until one begins anew."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.begun: dict[str, tuple[str, int]] = {}

    def next_offset(self, topic: str) -> int:
        return self.begun.get(topic, ("", self.offset))[1]

    def topic_id(self, topic: str) -> str | None:
        return self.begun.get(topic, (None,))[0]

    def begin_anew(self, topic: str, topic_id: str, offset: int) -> None:
        self.begun[topic] = topic_id, offset


class Partners:
    """Partners' topics of two partitions on one broker."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self.settings = settings.load(
            bootstrap=bootstrap, topic_prefix=prefix, partitions=2, request_timeout_s=15
        )
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
        self._producer = Producer({"bootstrap.servers": bootstrap, "log_level": 0})

    def create(self, topic: Topic) -> None:
        name = self.settings.topic(topic.name)
        self._admin.create_topics([NewTopic(name, 2, 1)])[name].result()

    def send(self, topic: Topic, number: int, partition: int = PARTITION) -> None:
        for _ in range(number):
            self._producer.produce(self.settings.topic(topic.name), b"value", b"key", partition)
        assert self._producer.flush(_WITHIN_S) == 0

    def send_in_transactions(self, topic: Topic) -> None:
        """One record that is committed, and one that is aborted."""
        producer = Producer(
            {
                "bootstrap.servers": self.settings.bootstrap,
                "transactional.id": self.settings.topic(topic.name),
                "log_level": 0,
            }
        )
        producer.init_transactions()
        for end in (producer.commit_transaction, producer.abort_transaction):
            producer.begin_transaction()
            producer.produce(self.settings.topic(topic.name), b"value", b"key", PARTITION)
            producer.flush()
            end()

    @asynccontextmanager
    async def feed(
        self, lane: Lane, *followed: Topic, position: int | Position = 0
    ) -> AsyncIterator[PartnerFeed]:
        there = PartnerTopics(self.settings, lambda: ["rental", "loan", "late"])
        looking = asyncio.create_task(there.run(lambda: None))
        await there.looked()
        place = Position(position) if isinstance(position, int) else position
        feed = PartnerFeed(self.settings, PARTITION, lane, place, lambda: there.ids)
        await feed.start(followed)
        try:
            yield feed
        finally:
            await feed.stop()
            looking.cancel()


@pytest.fixture
def partners(kafka: str, topic_prefix: str) -> Partners:
    partners = Partners(kafka, topic_prefix)
    partners.create(RENTAL)
    partners.create(LOAN)
    return partners


@pytest.fixture
def own_broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as broker:
        yield broker


def test_it_reads_its_own_partition_from_the_position_on(partners: Partners) -> None:
    partners.send(RENTAL, 5)
    partners.send(RENTAL, 9, partition=0)
    lane = Lane()

    async def read() -> int | None:
        async with partners.feed(lane, RENTAL, LOAN, position=3) as feed:
            await lane.until(RENTAL, [3, 4])
            partners.send(RENTAL, 1)
            await lane.until(RENTAL, [3, 4, 5])
            return feed.next_offset(RENTAL.name)

    partners.send(LOAN, 3)
    assert asyncio.run(read()) == 6
    assert LOAN.name not in lane.offered


def test_partners_come_and_go_while_it_reads(partners: Partners) -> None:
    lane = Lane()

    async def read() -> None:
        async with partners.feed(lane, RENTAL) as feed:
            partners.send(LOAN, 2)
            partners.send(RENTAL, 1)
            await lane.until(RENTAL, [0])
            assert LOAN.name not in lane.offered
            feed.follow([LOAN])
            await lane.until(LOAN, [0, 1])
            partners.send(RENTAL, 1)
            partners.send(LOAN, 1)
            await lane.until(LOAN, [0, 1, 2])
            assert lane.offered[RENTAL.name] == [0]
            assert feed.next_offset(RENTAL.name) is None

    asyncio.run(read())


def test_what_transactions_leave_behind_is_passed_and_no_backlog(partners: Partners) -> None:
    lane = Lane()
    partners.send_in_transactions(RENTAL)  # a record, a mark, a record, a mark

    async def read() -> None:
        async with partners.feed(lane, RENTAL) as feed, asyncio.timeout(_WITHIN_S):
            await lane.until(RENTAL, [0])
            while feed.next_offset(RENTAL.name) != 4:
                assert not lane.failures
                await asyncio.sleep(0.05)

    asyncio.run(read())
    assert lane.offered == {RENTAL.name: [0]}


def test_nothing_is_offered_to_a_lane_that_is_behind(partners: Partners) -> None:
    lane = Lane()

    async def read() -> None:
        async with partners.feed(lane, RENTAL):
            partners.send(RENTAL, 1)
            await lane.until(RENTAL, [0])
            lane.is_behind = True
            await asyncio.sleep(0.5)  # a fetch may be under way
            before = list(lane.offered[RENTAL.name])
            partners.send(RENTAL, 2)
            await asyncio.sleep(1)
            assert lane.offered[RENTAL.name] == before
            lane.is_behind = False
            await lane.until(RENTAL, [0, 1, 2])

    asyncio.run(read())


def test_a_topic_that_is_missing_keeps_no_other_waiting_and_is_read_once_it_is_there(
    partners: Partners,
) -> None:
    late = topics.partner_enquiries("late")
    lane = Lane()

    async def read() -> None:
        async with partners.feed(lane, RENTAL, late):
            partners.send(RENTAL, 1)
            await lane.until(RENTAL, [0])
            partners.create(late)
            partners.send(late, 2)
            await lane.until(late, [0, 1])

    asyncio.run(read())


def test_a_topic_cut_short_is_read_on_from_its_end(
    partners: Partners, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.gateway.feed._CUT_SHORT_S", float("inf"))
    partners.send(RENTAL, 2)
    partners.send(LOAN, 8)
    lane = Lane()

    async def read() -> None:
        async with partners.feed(lane, RENTAL, LOAN, position=5) as feed:
            await lane.until(LOAN, [5, 6, 7])
            assert feed.next_offset(RENTAL.name) is None
            monkeypatch.setattr("pipeline.gateway.feed._CUT_SHORT_S", 2.0)
            await until(lane, lambda: feed.next_offset(RENTAL.name) == 2)
            partners.send(RENTAL, 2)
            await lane.until(RENTAL, [2, 3])
            assert lane.offered[LOAN.name] == [5, 6, 7]

    asyncio.run(read())


class BusyPosition(Position):
    """The place of a lane that takes up what it is asked for only when it has the time."""

    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.asked: list[tuple[str, str, int]] = []

    def begin_anew(self, topic: str, topic_id: str, offset: int) -> None:
        self.asked.append((topic, topic_id, offset))

    def take_up(self) -> None:
        super().begin_anew(*self.asked[-1])


async def until(lane: Lane, holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(_WITHIN_S):
        while not holds():
            assert not lane.failures
            await asyncio.sleep(0.02)


def test_what_arrives_before_a_busy_lane_takes_a_cut_topic_up_is_read(
    partners: Partners, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.gateway.feed._CUT_SHORT_S", 1.0)
    partners.send(RENTAL, 2)
    lane, place = Lane(), BusyPosition(9)

    async def read() -> None:
        async with partners.feed(lane, RENTAL, position=place):
            await until(lane, lambda: len(place.asked) > 0)
            await asyncio.to_thread(partners.send, RENTAL, 3)
            before = len(place.asked)
            await until(lane, lambda: len(place.asked) > before + 1)
            place.take_up()
            await lane.until(RENTAL, [2, 3, 4])

    asyncio.run(read())


def test_a_broker_that_is_gone_for_a_while_costs_no_record_and_doubles_none(
    own_broker: EmbeddedBroker,
) -> None:
    partners = Partners(own_broker.bootstrap, "")
    partners.create(RENTAL)
    lane = Lane()

    async def read() -> None:
        async with partners.feed(lane, RENTAL):
            partners.send(RENTAL, 2)
            await lane.until(RENTAL, [0, 1])
            own_broker.kill()
            await asyncio.sleep(2)
            await asyncio.to_thread(own_broker.start)
            await asyncio.to_thread(partners.send, RENTAL, 2)
            await lane.until(RENTAL, [0, 1, 2, 3])

    asyncio.run(read())
    assert not lane.failures


def test_a_stopped_feed_offers_nothing_and_starts_at_the_position_again(
    partners: Partners,
) -> None:
    lane = Lane()

    async def read() -> None:
        async with partners.feed(lane, RENTAL) as feed:
            partners.send(RENTAL, 1)
            await lane.until(RENTAL, [0])
            await feed.stop()
            partners.send(RENTAL, 1)
            await asyncio.sleep(0.5)
            assert lane.offered[RENTAL.name] == [0]
            await feed.start([RENTAL])
            await lane.until(RENTAL, [0, 0, 1])

    asyncio.run(read())
