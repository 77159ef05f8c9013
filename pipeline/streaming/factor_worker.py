"""A worker of the factor pipeline: one that may stand by for others."""

from collections.abc import Coroutine, Iterable

from pipeline.settings import Settings
from pipeline.streaming.factor_flow import FactorFlow
from pipeline.streaming.worker import Worker


class FactorWorker(Worker):
    """Everything one process of the factor pipeline runs."""

    def __init__(self, settings: Settings, flow: FactorFlow) -> None:
        """Put the parts together; nothing runs yet."""
        super().__init__(settings, flow)
        self._standby = flow.standby
        self._stores = flow.stores

    def _beside(self) -> Iterable[Coroutine[None, None, None]]:
        following = [self._standby.run(self._owned)] if self._standby else []
        return [*super()._beside(), self._stores.tidy(), *following]

    def _owned(self) -> set[int] | None:
        return set(self.pool.lanes) if self.pool.is_ready else None
