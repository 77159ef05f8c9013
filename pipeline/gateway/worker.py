"""A gateway process: a worker whose rules can be exchanged while it runs."""

import asyncio
import signal
from collections.abc import Coroutine, Iterable, Sequence

from pipeline.codec.registry import SchemaRegistry
from pipeline.gateway.flow import GatewayFlow
from pipeline.gateway.reload import Reload, Rules
from pipeline.settings import Settings
from pipeline.streaming.worker import Worker
from pipeline.topics import Topic


class GatewayWorker(Worker):
    """Everything one gateway process runs."""

    def __init__(
        self, settings: Settings, flow: GatewayFlow, registry: SchemaRegistry, rules: Rules
    ) -> None:
        """Put the parts together; the flow was made with the same rules. Nothing runs yet."""
        super().__init__(settings, flow, port="gateway_port")
        self._gateway = flow
        self._reload = Reload(settings, registry, rules, self._exchange)

    async def run(self) -> int:
        """Work until a signal or a failure; SIGHUP takes the registry at once."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._reload.ask)
        return await super().run()

    def _exchange(self, rules: Rules) -> None:
        self._gateway.exchange(rules)
        self.pool.wake_all()

    def _beside(self) -> Iterable[Coroutine[None, None, None]]:
        looking = self._gateway.partner_topics.run(self.pool.wake_all)
        return [*super()._beside(), self._reload.run(), looking]

    def _inputs(self) -> Sequence[Topic]:
        return [*super()._inputs(), *self._gateway.fed]

    def _position(self, topic: Topic, partition: int) -> int | None:
        if topic in self._gateway.inputs:
            return super()._position(topic, partition)
        return self._gateway.next_fed(topic, partition)
