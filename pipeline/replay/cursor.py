"""Takes a topic's records off a sequence of fetches, cut by cut."""

from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Sequence
from operator import attrgetter

from pipeline.streaming.records import Record

_offset = attrgetter("offset")


class Cursor:
    """Records in the order of their offsets; holds no more than one fetch.

    ``keep`` says which records are taken at all; the others are passed over.
    """

    def __init__(
        self,
        fetches: AsyncIterator[Sequence[Record]],
        keep: Callable[[Record], bool] | None = None,
    ) -> None:
        """Begin before the first record."""
        self._fetches = fetches
        self._keep = keep
        self._held: Sequence[Record] = ()
        self._at = 0
        self.passed_over = 0

    async def take(self, end: int) -> list[Record]:
        """The records from where the last call ended up to but without offset ``end``."""
        taken: list[Record] = []
        while True:
            stop = bisect_right(self._held, end - 1, lo=self._at, key=_offset)
            taken += self._held[self._at : stop]
            self._at = stop
            # What follows the last one needed may be a mark that is no record.
            if stop < len(self._held) or (self._held and self._held[-1].offset >= end - 1):
                break
            held = await anext(self._fetches, None)
            if held is None:
                break
            self._held, self._at = held, 0
        if self._keep is None:
            return taken
        kept = [record for record in taken if self._keep(record)]
        self.passed_over += len(taken) - len(kept)
        return kept
