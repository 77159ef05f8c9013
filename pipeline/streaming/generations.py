"""Which generation of the changelog holds a partition's state.

A replay builds a changelog of its own beside the live one. The pointer in
`factor-state-generations` is what makes it the state: it is written in the transaction that ends
the former generation, so that a partition has one state at every moment.
"""

import json
import time

from pipeline import topics
from pipeline.streaming.layouts import UnreadableRowError
from pipeline.streaming.reader import PartitionReader
from pipeline.streaming.records import Entry

_LAYOUT = 1


def pointer(partition: int, generation: int) -> Entry:
    """The record that makes a generation the state of a partition."""
    value = {"layout": _LAYOUT, "generation": generation, "at": time.time_ns() // 1_000_000}
    return str(partition).encode(), json.dumps(value).encode()


def decode(value: bytes) -> int:
    """The generation a pointer names.

    >>> decode(b'{"layout": 1, "generation": 3, "at": 0}')
    3

    Raises:
        UnreadableRowError: It is no pointer, or of a layout this program does not know.
    """
    try:
        content = json.loads(value)
        layout, generation = content["layout"], content["generation"]
    except (ValueError, LookupError, TypeError) as error:
        raise UnreadableRowError(f"generation that cannot be read: {error!r}") from error
    if layout != _LAYOUT:
        raise UnreadableRowError(
            f"generation of layout {layout!r}, and this program knows {_LAYOUT}: run a newer one"
        )
    if type(generation) is not int or generation < 1:
        raise UnreadableRowError(f"generation {generation!r} is no number from 1 on")
    return generation


async def pointed(reader: PartitionReader, partition: int) -> int:
    """The generation a partition's pointer names; the first where no replay has switched it over.

    Raises:
        UnreadableRowError: The pointer cannot be read.
    """
    generation = 1
    end = await reader.end(topics.GENERATIONS, partition)
    async for records in reader.read(topics.GENERATIONS, partition, 0, end):
        for record in records:
            generation = 1 if record.value is None else decode(record.value)
    return generation


async def current(reader: PartitionReader, partition: int) -> int:
    """The generation a partition's state is in, and whose changelog is there.

    Raises:
        UnreadableRowError: The pointer cannot be read, or its changelog is not there.
    """
    generation = await pointed(reader, partition)
    changelog = topics.changelog_of(generation)
    if not await reader.exists(changelog):
        raise UnreadableRowError(
            f"the state of partition {partition} lies in {changelog.name}, which is not there; "
            "`sesame replay` builds another"
        )
    return generation
