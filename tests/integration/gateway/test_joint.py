"""What the lanes of a gateway write with has no say once somebody else has a partition."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from pipeline import settings, topics
from pipeline.codec.registry import FileRegistry
from pipeline.gateway.flow import GatewayFlow
from pipeline.gateway.reload import load_rules
from pipeline.gateway.restore import restore_gateway
from pipeline.settings import Settings
from pipeline.streaming.changelog import POSITION_KEY
from pipeline.streaming.flow import Send
from pipeline.streaming.joint import JointWriter, fence
from pipeline.streaming.position import Position
from pipeline.streaming.reader import PartitionReader
from pipeline.streaming.transaction import FencedError, TransactionalWriter, id_of
from tests.integration.gateway.test_partner_topics import delete, until_deleted
from tests.integration.support.gateway import KEY, SharedStream, score
from tests.integration.support.stream import until

PEOPLE = [f"person-{number}" for number in range(24)]
_WITHIN_S = 60.0


def of(stream: SharedStream) -> Settings:
    return settings.load(
        bootstrap=stream.bootstrap,
        topic_prefix=stream.prefix,
        partitions=stream.partitions,
        partners_file=stream.registry,
        pseudonym_key=KEY,
    )


def flow_of(current: Settings) -> GatewayFlow:
    return GatewayFlow(current, FileRegistry(), load_rules(current))


def position_of(applied: int, transactional_id: str) -> Send:
    position = Position({"gateway-inbox": applied}, transactional_id=transactional_id)
    return Send(topics.GATEWAY_CHANGELOG, 0, [(POSITION_KEY, position.encode(), ())])


async def ready(flow: GatewayFlow) -> JointWriter:
    """What its lanes have in common."""
    flow.assigned()
    async with asyncio.timeout(_WITHIN_S):
        while not flow.joint.transactional_id:  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(0.02)
    return flow.joint


@asynccontextmanager
async def lanes_of(current: Settings) -> AsyncIterator[tuple[TransactionalWriter, JointWriter]]:
    """The owner's producer of partition 0, and what it has in common with others."""
    flow = flow_of(current)
    writer = TransactionalWriter(current, id_of(flow.group, 0))
    await writer.start()
    try:
        yield writer, await ready(flow)
    finally:
        await flow.close()
        await writer.stop()


async def taken(current: Settings) -> Position:
    """Where a new owner of partition 0 finds it."""
    flow = flow_of(current)
    writer = TransactionalWriter(current, id_of(flow.group, 0))
    reader = PartitionReader(current)
    await writer.start()
    await reader.start()
    try:
        ended = partial(fence, current)
        found = await restore_gateway(reader, flow.context(0), lambda: None, ended)
        return found.position
    finally:
        await writer.stop()
        await reader.stop()


def test_a_former_owners_joint_producer_is_fenced_with_it(shared: SharedStream) -> None:
    async def run() -> None:
        current = of(shared)
        async with lanes_of(current) as (writer, joint):
            who = joint.transactional_id
            assert who.startswith("gateway~")
            await writer.write([position_of(1, who)])
            await joint.write([position_of(2, who)])
            assert (await taken(current)).applied == {"gateway-inbox": 2}
            with pytest.raises(FencedError):
                await joint.write([position_of(3, who)])
            assert joint.transactional_id == ""
            assert (await taken(current)).applied == {"gateway-inbox": 2}

    asyncio.run(run())


def test_what_the_former_owner_had_under_way_is_never_committed(shared: SharedStream) -> None:
    async def run() -> None:
        current = of(shared)
        async with lanes_of(current) as (writer, joint):
            who = joint.transactional_id
            await writer.write([position_of(1, who)])
            producer = joint._writer._producer  # type: ignore[union-attr]
            assert producer is not None
            producer.begin()
            await joint._writer._deliver(producer, [position_of(2, who)])  # type: ignore[union-attr]
            assert (await taken(current)).applied == {"gateway-inbox": 1}
            with pytest.raises(Exception, match=r"(?i)epoch|fenced"):
                await producer.commit()
            assert (await taken(current)).applied == {"gateway-inbox": 1}

    asyncio.run(run())


def test_a_partners_topic_that_goes_ends_a_joint_transaction_for_all_before_its_time(
    shared: SharedStream,
) -> None:
    topic = topics.partner_scores("rental")

    async def run() -> None:
        current = of(shared)
        flow = flow_of(current)
        joint = await ready(flow)
        await flow.partner_topics._look()
        await asyncio.to_thread(delete, shared, topic)
        await asyncio.to_thread(until_deleted, shared, topic)
        looking = asyncio.create_task(flow.partner_topics.run(lambda: None))
        try:
            lanes = [
                joint.write([Send(topics.DISCLOSURES, 0, [(b"ann", b"1", ())])]),
                joint.write([Send(topic, 0, [(b"subject", b"1", ())])]),
            ]
            async with asyncio.timeout(current.transaction_timeout_s / 2):
                told = await asyncio.gather(*lanes, return_exceptions=True)
            assert [type(each).__name__ for each in told] == ["UnknownTopicOrPartitionError"] * 2
            assert joint.transactional_id == ""
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
            await flow.close()

    asyncio.run(run())


def named(stream: SharedStream) -> dict[int, set[str]]:
    """By partition, the producers that positions have named beside the owner's."""
    found: dict[int, set[str]] = {}
    for r in stream.read(topics.GATEWAY_CHANGELOG):
        if r.key == POSITION_KEY and r.value:
            position = Position.decode(r.value)
            found.setdefault(r.partition, set()).add(position.transactional_id)
    return found


def test_lanes_of_a_gateway_name_one_producer_and_another_gateway_takes_over_from_it(
    shared: SharedStream,
) -> None:
    shared.send([*shared.enrolled(PEOPLE), *(score(user, 660) for user in PEOPLE)])
    first = shared.gateway().until_ready()
    for sequence in range(2, 5):
        shared.send(score(user, 660 + sequence, sequence) for user in PEOPLE)
        until_shown(shared, 660 + sequence)
    common = set.intersection(*named(shared).values()) - {""}
    assert len(common) == 1
    first.kill()

    second = shared.gateway().until_ready()
    for sequence in range(5, 8):
        shared.send(score(user, 660 + sequence, sequence) for user in PEOPLE)
        until_shown(shared, 660 + sequence)
    until(
        lambda: len(set.intersection(*named(shared).values()) - {""}) > 1, lambda: second.log, 60.0
    )
    for partner in shared.partners:
        for seen in shared.shown(partner).values():
            assert [one and one["sequence"] for one in seen] == list(range(1, 8))


def until_shown(stream: SharedStream, points: int) -> None:
    due = {
        partner: {stream.subject(user, partner): points for user in PEOPLE}
        for partner in stream.partners
    }
    stream.until(lambda: {p: stream.scores_shown(p) for p in stream.partners} == due)
