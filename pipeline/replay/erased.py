"""Whose records are not folded any more: people who were erased after them.

Folding them would come to the same, as the erasure follows; but an archive may be years older
than an erasure, and what was erased is not looked at again.
"""

from pipeline import topics
from pipeline.replay.build import Build, Keep
from pipeline.replay.fold import Change
from pipeline.replay.source import Source
from pipeline.streaming.position import Position
from pipeline.streaming.records import Record
from pipeline.streaming.step import StepContext


async def keep_unerased(source: Source, context: StepContext) -> Keep:
    """Which records are folded: consents, and data that no erasure of its person follows.

    Found by following the journal with the consents alone: whether and when somebody was erased
    depends on them and on the journal's time, and on nothing else.
    """
    last: dict[bytes, Position] = {}

    def note(before: Position, change: Change) -> None:
        last.update((user.encode(), before) for user in change.erased)

    build = Build(source, context, lambda _: None, inputs=(topics.CONSENTS,), on_change=note)
    await build.advance()

    def keep(topic: str, record: Record) -> bool:
        erased = last.get(record.key or b"")
        if erased is None or topic == topics.CONSENTS.name:
            return True
        return record.offset >= erased.next_offset(topic)

    return keep
