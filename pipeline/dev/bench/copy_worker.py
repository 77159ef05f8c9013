"""The limit set by I/O: the same bytes in and as many out, and no work between.

The worker's own consumer, batches, lanes and transactions; but nothing is decoded, folded
or scored. What it writes is as much as our worker wrote for the same input.
"""

import asyncio
import json
import sys
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import chain, cycle, islice
from pathlib import Path
from typing import Any

import uvloop
from aiokafka.errors import KafkaError

from pipeline import logs, topics
from pipeline import settings as project
from pipeline.codec.open import open_registry
from pipeline.factors.state import BatchState
from pipeline.scoring.model import load_model
from pipeline.settings import Settings
from pipeline.streaming import app as faust_app
from pipeline.streaming import worker
from pipeline.streaming.arrivals import Record
from pipeline.streaming.lane import Lane
from pipeline.streaming.output import Entry, Output
from pipeline.streaming.owned import OwnedPartition
from pipeline.streaming.pool import LanePool
from pipeline.streaming.restore import Restored

_FIELDS = {
    topics.CHANGELOG.name: "changelog",
    topics.SCORES.name: "scores",
    topics.SCORE_CHANGES.name: "score_changes",
    topics.PEER_SIGNALS.name: "peer_signals",
}
_LATELY_MAX = 10_000
_TAKEN_MAX = 500


class Quota:
    """How much is written to each topic for so many records read.

    Args:
        volumes: By topic ``records`` and ``value_bytes`` written in all.
        events: Data records that all is written for.
    """

    def __init__(self, volumes: dict[str, dict[str, int]], events: int) -> None:
        self._shares = {
            name: (volume["records"] / events, b"x" * (volume["value_bytes"] // volume["records"]))
            for name, volume in volumes.items()
            if volume["records"]
        }
        self._due = dict.fromkeys(self._shares, 0.0)
        self._lately: deque[bytes] = deque(maxlen=_LATELY_MAX)

    def take(self, keys: Sequence[bytes]) -> dict[str, list[Entry]]:
        """What is to be written for records of these keys; fractions are carried over."""
        self._lately.extend(keys[:_TAKEN_MAX])
        entries: dict[str, list[Entry]] = {}
        for name, (share, value) in self._shares.items():
            self._due[name] += share * len(keys)
            number = int(self._due[name])
            self._due[name] -= number
            # Signals go to people of all partitions, the rest stays in its own.
            chosen = self._lately if name == topics.PEER_SIGNALS.name else keys
            entries[name] = [(key, value) for key in islice(cycle(chosen), number)]
        return entries

    def give_back(self, keys: Sequence[bytes], entries: dict[str, list[Entry]]) -> None:
        """Undo a ``take`` that was not committed: the same records will come once more."""
        for name, (share, _) in self._shares.items():
            self._due[name] += len(entries[name]) - share * len(keys)


class CopiedPartition(OwnedPartition):
    """A partition whose lane writes its quota instead of what it computes."""

    quota: Quota

    async def _apply_records(self, records: dict[str, list[Record]]) -> None:
        position = self.position.copy()
        for name, arrived in records.items():
            position.applied[name] = arrived[-1].offset
        output = Output(state=BatchState.empty([]), position=position)
        keys = _keys(records)
        written = self.quota.take(keys)
        for name, entries in written.items():
            setattr(output, _FIELDS[name], entries)
        try:
            await self._commit(output)
        except KafkaError:
            self.quota.give_back(keys, written)
            raise


class CopyLane(Lane):
    """A lane that copies."""

    quota: Quota

    def _take_over(self, restored: Restored) -> CopiedPartition:
        owned = CopiedPartition(
            self._context, self._writer, self._reader, restored, self._on_committed
        )
        owned.quota = self.quota
        return owned


class CopyPool(LanePool):
    """A pool of copying lanes."""

    quota: Quota

    async def on_assigned(self, partitions: Iterable[tuple[str, int]]) -> None:
        """Have a copying lane wherever the pool would make one of its own."""
        given = list(partitions)
        for number in {number for _, number in given} - self.lanes.keys():
            lane = CopyLane(self._settings, self._new_context(number), self._on_failure)
            lane.quota = self.quota
            self.lanes[number] = lane
        await super().on_assigned(given)


class CopyWorker(worker.Worker):
    """A worker with copying lanes."""

    def __init__(self, settings: Settings, quota: Quota) -> None:
        super().__init__(settings, open_registry(settings), load_model(settings.model))
        pool = CopyPool(settings, self._new_context, self._end.failed)
        pool.quota = quota
        self.pool = pool
        self._app = faust_app.build(settings, pool, self._end.failed)


def _keys(records_by_topic: dict[str, list[Record]]) -> list[bytes]:
    """The keys of data records: consents and peer signals cause none of the writing."""
    still = (topics.CONSENTS.name, topics.PEER_SIGNALS.name)
    data = (records for name, records in records_by_topic.items() if name not in still)
    return [record.key or b"" for record in chain.from_iterable(data)]


def main() -> None:
    """Copy until told to end; the argument names the file with the volumes."""
    given: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    settings = project.load()
    logs.configure(settings)
    quota = Quota(given["topics"], given["events"])

    async def copy() -> int:
        return await CopyWorker(settings, quota).run()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        raise SystemExit(runner.run(copy()))


if __name__ == "__main__":
    main()
