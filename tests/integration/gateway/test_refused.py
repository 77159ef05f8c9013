"""A partner's topic takes no records: that is one lane's trouble, and soon no other's."""

import asyncio
from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any

from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from pipeline import settings, topics
from pipeline.codec.registry import FileRegistry
from pipeline.gateway.flow import GatewayFlow
from pipeline.gateway.owned import OwnedGateway
from pipeline.gateway.reload import load_rules
from pipeline.settings import Settings
from pipeline.streaming.lane import Lane
from pipeline.streaming.reader import PartitionReader
from tests.integration.support.gateway import KEY, LOAN, SharedStream, grant, score, scoring

_WITHIN_S = 60.0
_MARKERS_ONLY = 120
"""Bytes: the end of a transaction takes 78, and a score more."""
_REFUSED, _OTHER = 0, 1
"""Partitions, with somebody in each."""


class Counting(GatewayFlow):
    """Counts restores, by partition."""

    restores: Counter[int]

    async def take_over(self, partition: int, *others: Any) -> OwnedGateway:
        self.restores[partition] += 1
        return await super().take_over(partition, *others)


class TwoLanes:
    """Of a gateway, and scores for those who live in their partitions."""

    def __init__(self, stream: SharedStream, current: Settings) -> None:
        self.flow = Counting(current, FileRegistry(), load_rules(current))
        self.flow.restores = Counter()
        self.flow.joint._calm_s = 0.1
        self.lanes = [Lane(current, self.flow, number, _fail) for number in (_REFUSED, _OTHER)]
        self._stream = stream
        self._reader = PartitionReader(current)
        self._sequences = count(1)

    async def run(self) -> None:
        """Look for partners' topics, and have the lanes begin."""
        self._looking = asyncio.create_task(self.flow.partner_topics.run(lambda: None))
        await self._reader.start()
        self.flow.assigned()
        for lane in self.lanes:
            lane.start()

    async def end(self) -> None:
        self._looking.cancel()
        await asyncio.gather(self._looking, return_exceptions=True)
        for lane in self.lanes:
            await lane.close(1.0, save=False)
        await self._reader.stop()
        await self.flow.close()

    def named(self, number: int) -> str:
        """The producer that a lane's position names."""
        owned = self.lanes[number]._owned
        return owned.position.transactional_id if isinstance(owned, OwnedGateway) else ""

    async def score_until(self, holds: Callable[[], bool], *partitions: int) -> None:
        """Have new scores applied, at the same time in both lanes."""
        async with asyncio.timeout(_WITHIN_S):
            while not holds():
                sequence = next(self._sequences)
                scores = [
                    score(user_in(self._stream, n), 700 + sequence, sequence) for n in partitions
                ]
                await asyncio.to_thread(self._stream.send, scores)
                fetched = [await self._last(number) for number in partitions]
                for number, records in zip(partitions, fetched, strict=True):
                    self.lanes[number].offer(topics.SCORES.name, records, lambda: None)
                await asyncio.sleep(0.2)

    async def _last(self, partition: int) -> list[Any]:
        end = await self._reader.end(topics.SCORES, partition)
        read = self._reader.read(topics.SCORES, partition, end - 1, end)
        return [record async for records in read for record in records]


def _fail(error: BaseException) -> None:
    raise error


def user_in(stream: SharedStream, partition: int) -> str:
    names = (f"person-{number}" for number in count())
    return next(name for name in names if stream.partition_of(name) == partition)


def limit_records(current: Settings, name: str, bytes_max: int) -> None:
    """Have the broker take no larger records of a topic."""
    client = AdminClient({"bootstrap.servers": current.bootstrap})
    set_ = AlterConfigOpType.SET
    limit = ConfigEntry("max.message.bytes", str(bytes_max), incremental_operation=set_)
    where = ConfigResource(ResourceType.TOPIC, current.topic(name), incremental_configs=[limit])
    for done in client.incremental_alter_configs([where]).values():
        done.result()


def test_a_lane_whose_records_are_refused_fails_with_others_once(shared: SharedStream) -> None:
    refused, other = user_in(shared, _REFUSED), user_in(shared, _OTHER)
    shared.send([scoring(refused), *shared.granted(refused)])
    shared.send([scoring(other), grant(other, "loan", LOAN)])
    current = settings.load(
        bootstrap=shared.bootstrap,
        topic_prefix=shared.prefix,
        partitions=shared.partitions,
        partners_file=shared.registry,
        pseudonym_key=KEY,
    )

    async def run() -> None:
        two = TwoLanes(shared, current)
        restores, joint = two.flow.restores, two.flow.joint
        await two.run()
        try:
            await two.score_until(
                lambda: {two.named(0), two.named(1)} == {joint.transactional_id} != {""}, 0, 1
            )
            assert restores == {_REFUSED: 1, _OTHER: 1}
            limit_records(current, topics.partner_scores("rental").name, _MARKERS_ONLY)
            await two.score_until(lambda: restores[_OTHER] == 2, 0, 1)
            await two.score_until(lambda: restores[_REFUSED] == 3, 0, 1)
            await two.score_until(lambda: two.named(_OTHER) == joint.transactional_id != "", 0, 1)
            who = joint.transactional_id
            await two.score_until(lambda: restores[_REFUSED] >= 6, 0, 1)
            assert restores[_OTHER] == 2
            assert two.named(_OTHER) == joint.transactional_id == who
            limit_records(current, topics.partner_scores("rental").name, 1_048_588)
            await two.score_until(lambda: two.named(_REFUSED) == who, 0, 1)
        finally:
            await two.end()

    asyncio.run(run())
