"""Traffic in which nobody's data overtake the consents they joined with.

Months go by in seconds, and a producer sends its partitions side by side: what somebody did a
minute after granting could reach Kafka before the grant, and would rightly be left out.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from pipeline import topics
from pipeline.dev.simulator.bad import Sent
from pipeline.dev.simulator.traffic import Chunk, Traffic


class ConsentsFirst(Traffic):
    """A history's traffic; the consents of who joins in a chunk are sent ahead of it."""

    def chunks(self) -> Iterator[Chunk]:
        """All records; what counts as an opening is acknowledged before more is sent."""
        known: set[bytes | None] = set()
        for chunk in super().chunks():
            yield from split(chunk, known)


def split(chunk: Chunk, known: set[bytes | None]) -> Iterator[Chunk]:
    """The chunk, with all consents of the people not ``known`` before it in one of its own.

    A person's consents keep their order. The counts stay with the rest; ``known`` grows.
    """
    ahead = [record for record in chunk.records if _joins(record, known)]
    known.update(record.key for record in ahead)
    if chunk.opening or not ahead:
        yield chunk
        return
    sent = set(map(id, ahead))
    yield Chunk(records=ahead, events=Counter(), repeats=Counter(), bad=0, opening=True)
    yield replace(chunk, records=[record for record in chunk.records if id(record) not in sent])


def _joins(record: Sent, known: set[bytes | None]) -> bool:
    return record.topic is topics.CONSENTS and record.reason is None and record.key not in known
