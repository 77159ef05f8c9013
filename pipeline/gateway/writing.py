"""Transactions that write to topics which may be deleted meanwhile."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from aiokafka.errors import UnknownTopicOrPartitionError

from pipeline.gateway.context import GatewayContext
from pipeline.gateway.partner_topics import PartnerTopics
from pipeline.gateway.sends import partner_of
from pipeline.gateway.step import Output
from pipeline.streaming.flow import Send
from pipeline.streaming.joint import JointWriter, Offsets
from pipeline.streaming.position import Position
from pipeline.streaming.reader import PartitionReader
from pipeline.streaming.transaction import TransactionalWriter

_LOOK_S = 0.5


class LaneWriter:
    """Writes what a lane's batches come to, alone or with other lanes."""

    def __init__(
        self,
        context: GatewayContext,
        writer: TransactionalWriter,
        reader: PartitionReader,
        partner_topics: PartnerTopics,
        joint: JointWriter,
    ) -> None:
        """Set up; writer and reader are started.

        Args:
            context: The lane's.
            writer: The partition's own.
            reader: Knows which topics there are.
            partner_topics: Likewise, of registered partners.
            joint: What the lanes have in common.
        """
        self._context = context
        self._writer = writer
        self._reader = reader
        self._partner_topics = partner_topics
        self._joint = joint
        self.is_proven = False
        """Whether what made the lane restore, if anything, can be written: others may join it."""

    async def write(self, output: Output, position: Position, *, with_others: bool) -> Position:
        """Write and commit all of an output whose topics are there.

        Args:
            output: Of a step.
            position: The committed one.
            with_others: Whether others may have to restore if this cannot be written.

        Returns:
            The position as it is written.

        Raises:
            UnknownTopicOrPartitionError: A topic is gone; nothing is committed.
            FencedError: See `TransactionalWriter.write`.
            KafkaError: See there.
        """
        sends = [send for send in output.sends if await self._lasts(send)]
        output, joint = replace(output, sends=sends), self._joint
        # While others hang, a lane does not.
        if with_others and joint.takes(position):
            await joint.write(output.sends)
        else:
            # Only the owner's own producer may say who else writes.
            output = output.naming(joint.transactional_id if self.is_proven else "")
            await write_while_there(self._partner_topics, self._writer, output.sends)
        return output.position

    async def _lasts(self, send: Send) -> bool:
        """Whether a topic is there to be written to: those of partners may be deleted."""
        name = send.topic.name
        partner_id = partner_of(name)
        if partner_id is None or name in self._partner_topics.ids:
            return True
        if partner_id in self._context.terms.current.partner_ids:
            return False
        return await self._reader.exists(send.topic)


async def write_while_there(
    partner_topics: PartnerTopics, writer: TransactionalWriter, sends: Sequence[Send]
) -> Offsets:
    """Write everything and commit it, unless a partner's topic goes meanwhile.

    The client would try for ever to begin a transaction on a topic that is gone.

    Returns:
        See `TransactionalWriter.write`.

    Raises:
        UnknownTopicOrPartitionError: A topic is gone; nothing is committed.
        FencedError: See `TransactionalWriter.write`.
        KafkaError: See there.
    """
    names = {send.topic.name for send in sends if partner_of(send.topic.name)}
    there = names & partner_topics.ids.keys()
    writing = asyncio.ensure_future(writer.write(sends))
    try:
        while not (await asyncio.wait({writing}, timeout=_LOOK_S))[0]:
            if gone := there - partner_topics.ids.keys():
                raise UnknownTopicOrPartitionError(", ".join(sorted(gone)))
        return writing.result()
    finally:
        if not writing.done():
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            await writer.stop()
