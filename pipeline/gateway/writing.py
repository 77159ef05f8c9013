"""Transactions that write to topics which may be deleted meanwhile."""

import asyncio
from collections.abc import Sequence

from aiokafka.errors import UnknownTopicOrPartitionError

from pipeline.gateway.partner_topics import PartnerTopics
from pipeline.gateway.sends import partner_of
from pipeline.streaming.flow import Send
from pipeline.streaming.transaction import TransactionalWriter

_LOOK_S = 0.5


async def write_while_there(
    writer: TransactionalWriter, sends: Sequence[Send], partner_topics: PartnerTopics
) -> None:
    """Write everything and commit it, unless a partner's topic goes meanwhile.

    The client would try for ever to begin a transaction on a topic that is gone.

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
        writing.result()
    finally:
        if not writing.done():
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            await writer.stop()
