"""One replay at a time: whoever runs one is the only member of a consumer group."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer

from pipeline import provision, topics
from pipeline.access import replay_id
from pipeline.errors import SesameError
from pipeline.kafka import aiokafka_config
from pipeline.settings import Settings

_POLL_S = 0.5
_MARGIN_S = 5.0
_DAY_MS = 86_400_000


class RunningError(SesameError):
    """Another replay is running; it was left alone."""


@asynccontextmanager
async def only_one(settings: Settings) -> AsyncIterator[None]:
    """Be the only replay meanwhile. One that was killed is waited for until it counts as gone.

    A politeness: what keeps two from switching over the same partition is that each makes sure,
    once it has fenced the lane, that the state is still the one it began with.

    Raises:
        RunningError: Another one is running.
    """
    group = settings.topic_prefix + replay_id(settings)
    await _until_empty(settings, group)
    member = AIOKafkaConsumer(
        settings.topic(topics.GENERATIONS.name),
        **aiokafka_config(settings),
        group_id=group,
        enable_auto_commit=False,
        session_timeout_ms=int(settings.session_timeout_s * 1000),
        heartbeat_interval_ms=int(settings.session_timeout_s * 1000 / 3),
        # Nothing is fetched by it: it is there, that is all.
        max_poll_interval_ms=_DAY_MS,
    )
    await member.start()
    try:
        if len(await asyncio.to_thread(_members, settings, group)) > 1:
            raise _running(group)
        yield
    finally:
        await member.stop()


async def _until_empty(settings: Settings, group: str) -> None:
    deadline = time.monotonic() + settings.session_timeout_s + _MARGIN_S
    while await asyncio.to_thread(_members, settings, group):
        if time.monotonic() > deadline:
            raise _running(group)
        await asyncio.sleep(_POLL_S)


def _members(settings: Settings, group: str) -> list[object]:
    with provision.admin(settings) as client:
        described = client.describe_groups([group])
    return list(described[group]["members"])


def _running(group: str) -> RunningError:
    return RunningError(f"another replay is running: consumer group {group} has a member")
