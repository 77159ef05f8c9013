"""The input of a benchmark: a simulated history."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain

from pipeline import topics
from pipeline.codec.registry import SchemaRegistry
from pipeline.dev.simulator import Spec, simulate
from pipeline.dev.simulator.bad import Sent
from pipeline.dev.simulator.history import Events, History
from pipeline.dev.simulator.traffic import Mistakes, Traffic

MONTHS = 12
END_MS = 1_761_955_200_000
"""1 November 2025: fixed, so that a seed gives the same events on any day."""

DATA_TOPICS = tuple(
    topic for topic in topics.INPUTS if topic not in (topics.CONSENTS, topics.PEER_SIGNALS)
)
"""What is counted as events: consents go ahead of them, peer signals follow from them."""


@dataclass(frozen=True)
class Workload:
    """So many people and about so many events of them."""

    people: int
    events: int
    seed: int

    def scaled(self, events: int) -> "Workload":
        """The same mix of fewer people: as many events for each."""
        people = max(1, round(self.people * events / self.events))
        return Workload(people, events, self.seed)

    @cached_property
    def history(self) -> History:
        """The events, equal for equal workloads."""
        spec = Spec(self.people, MONTHS, END_MS, self.seed)
        return simulate(spec.for_events(self.events))

    @property
    def data_events(self) -> int:
        """The number of events but for consents."""
        return sum(len(self.history.events[topic]) for topic in DATA_TOPICS)

    @property
    def warm_up_events(self) -> int:
        """How many of the data events are applied before the clock starts: the first half.

        A virtual machine has had as much time to compile by then as it is timed for.
        """
        return self.data_events // 2

    @property
    def timed_events(self) -> int:
        """The rest of them."""
        return self.data_events - self.warm_up_events

    def records(self, registry: SchemaRegistry) -> Iterator[Sent]:
        """The data events as they are sent, by event time."""
        return chain.from_iterable(chunk.records for chunk in self.data(registry).chunks())

    def consents(self, registry: SchemaRegistry) -> Traffic:
        """The consents; every system applies them before it is timed."""
        return self._traffic((topics.CONSENTS,), registry)

    def data(self, registry: SchemaRegistry) -> Traffic:
        """All other events, by event time."""
        return self._traffic(DATA_TOPICS, registry)

    def _traffic(self, chosen: tuple[topics.Topic, ...], registry: SchemaRegistry) -> Traffic:
        whole = self.history
        events = {t: e if t in chosen else none_of(e) for t, e in whole.events.items()}
        return Traffic(History(whole.spec, whole.people, events), registry, Mistakes())


def none_of(events: Events) -> Events:
    """A topic's events without any."""
    fields = {name: column[:0] for name, column in events.fields.items()}
    return replace(
        events, user=events.user[:0], occurred_at_ms=events.occurred_at_ms[:0], fields=fields
    )
