"""Small batches of several partitions in one step: what a step costs at least is then paid once.

    lane 0 ── few records ──┐                             ┌── output 0 ──► its commit
    lane 3 ── few records ──┤► decode ─ fold ─ finish ────┤
    lane 5 ── few records ──┘                             └── output 5 ──► its commit

Lanes stay as they are: each owns its partition, waits here for its output, and commits it; those
that do so at the same time share a transaction (`joint`).
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import accumulate

from pipeline.failpoints import Failpoint, hit
from pipeline.streaming import lane_metrics
from pipeline.streaming.arrivals import decode_together
from pipeline.streaming.output import Output
from pipeline.streaming.records import Record
from pipeline.streaming.step import Share, finish_together, fold_together

RECORDS_MAX = 8_000
"""Of one share: with more it gains nothing, and steps that overlap with commits are as good."""
TOGETHER_MAX = 32_000
"""Of one step, unless a single share has more: the event loop stands still for so long."""
PATIENCE_S = 0.05
"""How long a step waits for the commits of the last: one that hangs is not to hold up others."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What came of a share; ``lacks_consent``: an event was left out for want of consent."""

    output: Output
    lacks_consent: bool


@dataclass(slots=True)
class _Waiting:
    share: Share
    records: Mapping[str, Sequence[Record]]
    finished: asyncio.Future[Finished]
    committing: bool = False


class Together:
    """Steps of all the lanes that have something to apply at the same time.

    The next step begins when what came of the last is committed: what has arrived meanwhile then
    goes together, and not each lane's on its own.
    """

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        """Begin with nobody waiting.

        Args:
            patience_s: How long a step waits for commits at most.
        """
        self._patience_s = patience_s
        self._waiting: list[_Waiting] = []
        self._committing = 0
        self._planned: asyncio.Handle | None = None

    @asynccontextmanager
    async def finished(
        self, share: Share, records: Mapping[str, Sequence[Record]]
    ) -> AsyncIterator[Finished]:
        """Decode, fold and finish a share's records; within the context they are committed.

        Nothing of it is visible yet. The store and the position must stay as they are until then.
        """
        waiting = _Waiting(share, records, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._plan()
        try:
            yield await waiting.finished
        finally:
            self._committing -= waiting.committing
            self._plan()

    def _plan(self) -> None:
        loop = asyncio.get_running_loop()
        if self._committing:
            if self._planned is None and self._waiting:
                self._planned = loop.call_later(self._patience_s, self._run)
            return
        if self._planned is not None:
            self._planned.cancel()
        # Lanes that were woken by the same fetch or commit come before this is called.
        self._planned = loop.call_soon(self._run) if self._waiting else None

    def _run(self) -> None:
        self._planned = None
        waiting = self._take()
        if not waiting:
            return
        try:
            finished = _finish([w.share for w in waiting], [w.records for w in waiting])
        except BaseException as error:
            for each in waiting:
                each.finished.set_exception(error)
            if not isinstance(error, Exception):
                raise
        else:
            self._committing += len(waiting)
            for each, result in zip(waiting, finished, strict=True):
                each.committing = True
                each.finished.set_result(result)
        finally:
            self._plan()

    def _take(self) -> list[_Waiting]:
        """Those whose records are not too many for one step, in the order they came."""
        # A cancelled one is done.
        left = [each for each in self._waiting if not each.finished.done()]
        sums = accumulate(sum(map(len, each.records.values())) for each in left)
        number = max(1, sum(so_far <= TOGETHER_MAX for so_far in sums))
        taken, self._waiting = left[:number], left[number:]
        return taken


def _finish(
    shares: Sequence[Share], records: Sequence[Mapping[str, Sequence[Record]]]
) -> list[Finished]:
    with lane_metrics.phase("decode"):
        decoded = decode_together(records, shares[0].context.registry)
    hit(Failpoint.BATCH_DECODED)
    with lane_metrics.phase("fold"):
        folded = fold_together(shares, decoded)
    hit(Failpoint.BATCH_FOLDED)
    if len(set(folded.state.users)) < len(folded.state.users):
        # A producer put somebody's records in several partitions. Signals name people, and
        # would not say which of them sent them.
        pairs = zip(shares, records, strict=True)
        return [one for share, its in pairs for one in _finish([share], [its])]
    with lane_metrics.phase("score"):
        positions, contexts = [s.position for s in shares], [s.context for s in shares]
        outputs = finish_together(folded, positions, contexts)
    hit(Failpoint.BATCH_SCORED)
    lacking = folded.lack_consent
    return [Finished(output, number in lacking) for number, output in enumerate(outputs)]
