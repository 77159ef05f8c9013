"""The limit set by I/O: the same bytes in and as many out, and no work between.

The worker's own consumer, batches, lanes and transactions; but nothing is decoded, folded
or scored. What it writes is as much as our worker wrote for the same input.
"""

import json
import sys
from collections import deque
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from aiokafka.errors import KafkaError

from pipeline import logs, topics
from pipeline import settings as project
from pipeline.codec.open import open_registry
from pipeline.factors.state import BatchState
from pipeline.scoring.model import load_model
from pipeline.streaming import worker
from pipeline.streaming.columnar import keys_of
from pipeline.streaming.factor_flow import FactorFlow
from pipeline.streaming.flow import Inlet
from pipeline.streaming.journal import Kind
from pipeline.streaming.output import Output
from pipeline.streaming.owned import OwnedPartition
from pipeline.streaming.reader import PartitionReader
from pipeline.streaming.records import Entry, Record
from pipeline.streaming.restore import restore
from pipeline.streaming.transaction import TransactionalWriter

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

    async def _apply_records(self, records: dict[str, Sequence[Record]]) -> None:
        position = self.position.copy()
        for name, arrived in records.items():
            position.applied[name] = arrived[-1].offset
        output = Output(Kind.BATCH, BatchState.empty([]), position)
        keys = _keys(records)
        written = self.quota.take(keys)
        for name, entries in written.items():
            setattr(output, _FIELDS[name], entries)
        try:
            await self._commit(output)
        except KafkaError:
            self.quota.give_back(keys, written)
            raise


class CopyFlow(FactorFlow):
    """The factor pipeline's flow, with partitions that copy."""

    quota: Quota

    async def take_over(  # noqa: PLR0913 - as the protocol has it
        self,
        partition: int,
        writer: TransactionalWriter,
        reader: PartitionReader,
        inlet: Inlet,  # noqa: ARG002
        on_restoring: Callable[[], None],
        on_committed: Callable[[], None],
    ) -> CopiedPartition:
        """Go on where the last copier stopped."""
        restored = await restore(reader, partition, on_restoring, self.joint.fence)
        owned = CopiedPartition(self.context(partition), writer, reader, restored, on_committed)
        owned.quota = self.quota
        return owned


def _keys(records_by_topic: dict[str, Sequence[Record]]) -> list[bytes]:
    """The keys of data records: consents and peer signals cause none of the writing."""
    still = (topics.CONSENTS.name, topics.PEER_SIGNALS.name)
    data = (records for name, records in records_by_topic.items() if name not in still)
    return [key or b"" for records in data for key in keys_of(records)]


def main() -> None:
    """Copy until told to end; the argument names the file with the volumes."""
    given: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    settings = project.load()
    logs.configure(settings)
    flow = CopyFlow(settings, open_registry(settings), load_model(settings.model))
    flow.quota = Quota(given["topics"], given["events"])
    raise SystemExit(worker.run(lambda: worker.Worker(settings, flow)))


if __name__ == "__main__":
    main()
