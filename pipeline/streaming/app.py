"""The Faust app: one agent over all input topics, by batches."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import faust
from faust.tables.manager import TableManager
from faust.types import TP, AppT, EventT, Message, StreamT
from faust.types.transports import ConsumerT

from pipeline.settings import Settings
from pipeline.streaming.bounded import bound_fetches
from pipeline.streaming.credentials import faust_brokers, faust_credentials
from pipeline.streaming.flow import Flow
from pipeline.streaming.pool import LanePool
from pipeline.streaming.records import Record
from pipeline.streaming.transport import BatchConsumer, BatchTransport, batch_scheduler

_FETCH_BYTES = 4 * 1024 * 1024
"""Of one partition in one fetch, compressed as they are; of all partitions aiokafka's 50 MiB."""

_NAMED_S = 0.001
"""Between two looks at whether the agent runs, which takes it one turn of the loop or two."""
_HEARTBEAT_S = 1.0
"""At most, between two heartbeats: by the next one a worker learns that another is gone."""


class BatchSchema(faust.Schema[None, Sequence[Record]]):
    """Keys and values as they are: the lanes decode by column."""

    def loads_key(self, app: AppT, message: Message, **_: object) -> None:
        """A batch has no key."""

    def loads_value(self, app: AppT, message: Message, **_: object) -> Sequence[Record]:  # noqa: ARG002
        """Pass the batch through."""
        return cast("Sequence[Record]", message.value)


class NoTables(TableManager):
    """Begins as soon as the agent has named its topics; Faust's own gives it a second for that."""

    logger = logging.getLogger("faust.tables")

    async def on_start(self) -> None:
        """Let the consumer subscribe: to what agents name later it would come 45 s later."""
        while not len(self.app.topics):
            await self.sleep(_NAMED_S)
            if self.should_stop:
                return
        await self._update_channels()
        await self.recovery.start()


class BatchApp(faust.App):
    """A Faust app whose transport reads by batches."""

    logger = logging.getLogger("faust.app")
    is_behind: Callable[[int], bool]
    """Whether a partition number's lane has enough waiting, so that fetching it can pause."""

    def _create_directories(self) -> None:
        """Make none: tables would lie there, and there are no tables."""

    def _new_transport(self) -> BatchTransport:
        return BatchTransport(self.conf.broker_consumer, self)


def build(
    settings: Settings,
    flow: Flow,
    pool: LanePool,
    on_failure: Callable[[BaseException], None],
) -> BatchApp:
    """Put the app together; nothing runs yet.

    Faust's web server, tables and leader topic are off: see the decision records.
    """
    bound_fetches(settings)
    control = tuple(settings.topic(topic.name) for topic in flow.inputs if topic.control)
    app = BatchApp(
        settings.topic_prefix + flow.group,
        broker=faust_brokers(settings),
        broker_credentials=faust_credentials(settings),
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=min(settings.session_timeout_s / 3, _HEARTBEAT_S),
        broker_rebalance_timeout=settings.rebalance_timeout_s,
        broker_request_timeout=max(settings.request_timeout_s, settings.session_timeout_s),
        broker_commit_interval=1.0,
        broker_max_poll_records=None,
        consumer_max_fetch_size=_FETCH_BYTES,
        consumer_auto_offset_reset="earliest",
        ConsumerScheduler=batch_scheduler(settings.batch_records_max, control),
        TableManager=NoTables,
        stream_wait_empty=False,
        stream_buffer_maxsize=4096,
        topic_partitions=settings.partitions,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        web_tables_enabled=False,
        worker_redirect_stdouts=False,
    )
    inputs = app.topic(
        *(settings.topic(topic.name) for topic in flow.inputs),
        schema=BatchSchema(),
        allow_empty=True,
    )

    async def take_in(stream: StreamT[Sequence[Record]]) -> None:
        arrived = cast("faust.ChannelT[Sequence[Record]]", stream.channel).queue
        async for first in cast("faust.Stream[Sequence[Record]]", stream).noack().events():
            offer(first)
            # The rest of a fetch is here too, and the stream takes a round of the loop for each.
            # It would also drop what is of a former assignment: a lane takes no such record twice
            # and reads for itself what was left out, whatever comes here.
            while not arrived.empty():
                offer(arrived.get_nowait())

    def offer(event: EventT[Sequence[Record]]) -> None:
        tp = event.message.tp
        pool.offer(tp.topic, tp.partition, cast("Sequence[Record]", event.value), event.ack)

    _add_agent(app, flow.name, take_in, inputs)

    @app.on_partitions_revoked.connect
    async def on_revoked(*_: object, **_options: object) -> None:
        await _guarded(pool.on_revoked(), on_failure)

    @app.on_partitions_assigned.connect
    async def on_assigned(*args: Any, **_options: object) -> None:
        assigned: set[TP] = args[1]
        await _guarded(pool.on_assigned(assigned), on_failure)

    app.is_behind = pool.is_behind
    logging.getLogger("faust").setLevel(logging.WARNING)
    return app


def _add_agent(
    app: BatchApp,
    name: str,
    take_in: Callable[[StreamT[Sequence[Record]]], Awaitable[None]],
    inputs: faust.TopicT,
) -> None:
    """As ``app.agent`` does, but not noted for autodiscovery: that looks through every module."""
    agent = faust.Agent(
        take_in,
        name=name,
        app=app,
        channel=inputs,
        concurrency=1,
        on_error=app._on_agent_error,  # noqa: SLF001 - no public way
    )
    app.agents[agent.name] = agent
    app.topics.beacon.add(agent)


async def _guarded(work: Awaitable[None], on_failure: Callable[[BaseException], None]) -> None:
    try:
        await work
    except Exception as error:  # noqa: BLE001 - whatever it is, the worker must end with it
        on_failure(error)


def position(consumer: ConsumerT, tp: TP) -> int | None:
    """The next offset the consumer will fetch; None while it does not know."""
    client = cast("BatchConsumer", consumer)._thread._consumer  # noqa: SLF001 - no public way
    if client is None or tp not in client.assignment():
        return None
    state = client._subscription.subscription.assignment.state_value(tp)  # noqa: SLF001
    return state.position if state.has_valid_position else None
