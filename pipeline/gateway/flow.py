"""The gateway as a flow: what its workers consume and how a partition is taken over."""

import time
from collections.abc import Callable
from functools import partial

from pipeline import topics
from pipeline.codec.registry import SchemaRegistry
from pipeline.gateway import metrics
from pipeline.gateway.context import GatewayContext
from pipeline.gateway.feed import PartnerFeed, Place, partner_inputs
from pipeline.gateway.owned import OwnedGateway
from pipeline.gateway.partner_topics import PartnerTopics
from pipeline.gateway.reload import Rules
from pipeline.gateway.restore import restore_gateway
from pipeline.gateway.terms import TermsBox
from pipeline.gateway.writing import write_while_there
from pipeline.settings import Settings
from pipeline.streaming.flow import Inlet
from pipeline.streaming.joint import JointWriter
from pipeline.streaming.reader import PartitionReader
from pipeline.streaming.transaction import TransactionalWriter
from pipeline.topics import Topic


class GatewayFlow:
    """Follows consents and scores, and shows partners what they were granted."""

    name = "gateway"
    inputs = topics.GATEWAY_INPUTS

    def __init__(self, settings: Settings, registry: SchemaRegistry, rules: Rules) -> None:
        """Set up; nothing is restored yet."""
        self._settings = settings
        self._registry = registry
        self._terms = TermsBox(rules.terms)
        self._keyring = rules.keyring
        self._contexts: dict[int, GatewayContext] = {}
        self._feeds: dict[int, PartnerFeed] = {}
        self.group = settings.gateway_app_id
        self.partner_topics = PartnerTopics(settings, lambda: self._terms.current.partner_ids)
        self.joint = JointWriter(
            settings, self.group, write=partial(write_while_there, self.partner_topics)
        )
        metrics.PARTNERS.set(len(rules.terms.partner_ids))

    async def take_over(  # noqa: PLR0913 - as the protocol has it
        self,
        partition: int,
        writer: TransactionalWriter,
        reader: PartitionReader,
        inlet: Inlet,
        on_restoring: Callable[[], None],
        on_committed: Callable[[], None],
    ) -> OwnedGateway:
        """Restore a partition's grants and people, and give it a feed of its own."""
        context = self._contexts[partition] = self.context(partition)
        restored = await restore_gateway(reader, context, on_restoring, self.joint.fence)

        def feed_at(place: Place) -> PartnerFeed:
            there = self.partner_topics
            feed = PartnerFeed(self._settings, partition, inlet, place, lambda: there.ids)
            self._feeds[partition] = feed
            return feed

        return OwnedGateway(
            context,
            writer,
            reader,
            restored,
            feed_at,
            self.partner_topics,
            on_committed,
            self.joint,
        )

    def exchange(self, rules: Rules) -> None:
        """Put other rules in force; the lanes see to it when they are woken."""
        self._keyring = rules.keyring
        for context in self._contexts.values():
            context.keyring = rules.keyring
        self._terms.replace(rules.terms)
        metrics.PARTNERS.set(len(rules.terms.partner_ids))

    @property
    def fed(self) -> list[Topic]:
        """The topics of partners that the lanes' feeds read."""
        return partner_inputs(self._terms.current.partner_ids)

    def next_fed(self, topic: Topic, partition: int) -> int | None:
        """The next offset a feed will read; None while it does not."""
        feed = self._feeds.get(partition)
        return None if feed is None else feed.next_offset(topic.name)

    def assigned(self) -> None:
        """Have another joint producer: whoever has got one of the former's partitions ends it."""
        self.joint.renew()

    async def close(self) -> None:
        """End what the lanes had in common."""
        await self.joint.close()

    def forget(self, partition: int) -> None:
        """Drop what is kept of a partition that is no longer owned."""
        self._contexts.pop(partition, None)
        self._feeds.pop(partition, None)
        metrics.forget_partition(partition)

    def context(self, partition: int) -> GatewayContext:
        """What a partition's gateway works with."""
        return GatewayContext(
            registry=self._registry,
            terms=self._terms,
            keyring=self._keyring,
            partition=partition,
            partitions=self._settings.partitions,
            topic_prefix=self._settings.topic_prefix,
            settings=self._settings,
            clock_ms=_now_ms,
        )


def _now_ms() -> int:
    return int(time.time() * 1000)
