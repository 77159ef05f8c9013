"""The factor pipeline as a flow: what its workers consume and how a partition is taken over."""

from collections.abc import Callable

from pipeline import topics
from pipeline.codec.registry import SchemaRegistry
from pipeline.factors.fold import Policy
from pipeline.scoring.model import Model
from pipeline.settings import Settings
from pipeline.streaming import metrics
from pipeline.streaming.asking import EndsOf
from pipeline.streaming.flow import Inlet
from pipeline.streaming.joint import JointWriter
from pipeline.streaming.owned import OwnedPartition
from pipeline.streaming.reader import PartitionReader
from pipeline.streaming.restore import restore
from pipeline.streaming.standby import Standby
from pipeline.streaming.step import StepContext
from pipeline.streaming.stores.folders import open_stores
from pipeline.streaming.together import Together
from pipeline.streaming.transaction import TransactionalWriter


class FactorFlow:
    """Folds events into factor state, scores people, publishes."""

    name = "ingest"
    inputs = topics.INPUTS

    def __init__(self, settings: Settings, registry: SchemaRegistry, model: Model) -> None:
        """Set up; nothing is restored yet."""
        self.standby = Standby(settings) if settings.standby else None
        self.stores = open_stores(settings)
        self.joint = JointWriter(settings, settings.app_id)
        self._together = Together()
        self._consents = EndsOf(topics.CONSENTS)
        self._settings = settings
        self._registry = registry
        self._model = model
        self._policy = Policy(lateness_days=settings.lateness_days)
        self.group = settings.app_id

    async def take_over(  # noqa: PLR0913 - as the protocol has it
        self,
        partition: int,
        writer: TransactionalWriter,
        reader: PartitionReader,
        inlet: Inlet,  # noqa: ARG002 - everything comes by the group
        on_restoring: Callable[[], None],
        on_committed: Callable[[], None],
    ) -> OwnedPartition:
        """Restore a partition's people from its changelog."""
        restored = await restore(
            reader, partition, on_restoring, self.joint.fence, self.stores, self.standby
        )
        context = self.context(partition)
        return OwnedPartition(
            context,
            writer,
            reader,
            restored,
            on_committed,
            self._together,
            self.joint,
            self._consents,
        )

    def context(self, partition: int) -> StepContext:
        """What does not change from batch to batch of a partition."""
        return StepContext(
            registry=self._registry,
            model=self._model,
            policy=self._policy,
            partition=partition,
            partitions=self._settings.partitions,
            topic_prefix=self._settings.topic_prefix,
        )

    def assigned(self) -> None:
        """Have another joint producer: whoever has got one of the former's partitions ends it."""
        self.joint.renew()

    async def close(self) -> None:
        """End what the lanes had in common."""
        await self.joint.close()

    def forget(self, partition: int) -> None:
        """Drop the metrics of a partition that is no longer owned."""
        metrics.forget_partition(partition)
