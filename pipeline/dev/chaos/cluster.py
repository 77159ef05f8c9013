"""What all scenarios of a run share: a broker, a count of rebalances, a source of processes."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from pipeline.dev.broker import EmbeddedBroker
from pipeline.dev.chaos.errors import ChaosError
from pipeline.dev.chaos.groups import Generations
from pipeline.dev.chaos.nursery import Nursery
from pipeline.settings import load

BROKER = {
    "group.min.session.timeout.ms": "1000",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    "log.cleaner.backoff.ms": "200",
    "log.initial.task.delay.ms": "1000",
}
"""So that what takes a minute in production takes seconds here."""


class Cluster:
    """What a whole run shares: a broker, who counts its groups' generations, a nursery."""

    def __init__(self, directory: Path) -> None:
        """Set up in an empty folder; the broker starts when this is entered."""
        self.directory = directory
        self.broker = EmbeddedBroker(directory / "broker", heap_mb=768, properties=BROKER)
        self.nursery = Nursery()
        self._running = ExitStack()
        self._counting: Generations | None = None

    @property
    def generations(self) -> Generations:
        """Counts assignments."""
        if self._counting is None:
            raise ChaosError("the cluster was not entered")
        return self._counting

    def __enter__(self) -> Self:
        """Start."""
        with ExitStack() as starting:
            starting.callback(self.nursery.close)
            starting.callback(self.broker.kill)
            self.broker.start()
            self._counting = Generations(load(bootstrap=self.broker.bootstrap))
            starting.callback(self._counting.close)
            self._running = starting.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End it at once."""
        self._running.__exit__(kind, error, traceback)
