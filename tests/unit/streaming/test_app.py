"""The app's tables, of which there are none, do not hold up the consumer's subscription."""

import asyncio
from collections.abc import Collection
from typing import cast

from mode.utils.times import Seconds

from pipeline import settings, topics
from pipeline.streaming.app import BatchApp, NoTables, build
from pipeline.streaming.flow import Flow
from pipeline.streaming.pool import LanePool

SETTINGS = settings.load()


class _Flow:
    name = "ingest"
    group = "sesame"
    inputs = topics.INPUTS


def built() -> BatchApp:
    flow = cast("Flow", _Flow())
    app = build(SETTINGS, flow, LanePool(SETTINGS, flow, lambda _: None), lambda _: None)
    app.finalize()
    return app


class _Tables(NoTables):
    """What needs no connection of them; notes how often they waited, and what was named by then."""

    waits = 0
    waited: asyncio.Event
    named: Collection[object] | None = None

    async def sleep(self, n: Seconds) -> None:
        self.waits += 1
        self.waited.set()
        await super().sleep(n)

    async def _update_channels(self) -> None:
        self.named = list(self.app.topics)


def test_the_consumer_subscribes_as_soon_as_the_agent_has_named_its_topics() -> None:
    async def started() -> _Tables:
        app = built()
        (agent,) = app.agents.values()
        tables = _Tables(app)
        tables.waited = asyncio.Event()
        starting = asyncio.create_task(tables.start())
        await tables.waited.wait()
        assert tables.named is None
        aiter(agent.channel)
        await starting
        await tables.recovery.stop()
        return tables

    tables = asyncio.run(started())

    assert tables.named
    assert tables.waits < 100


def test_the_agent_takes_in_every_input() -> None:
    async def named() -> list[str]:
        (agent,) = built().agents.values()
        return list(agent.get_topic_names())

    assert asyncio.run(named()) == [SETTINGS.topic(topic.name) for topic in topics.INPUTS]
