"""A partner's view, its store and where both stand, moved on together.

Knows no thread and no client: what is read comes in as records, what the topic holds as
`Found`. The store is written before anything is shown, so a step that fails changes nothing
and can be made again.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from pipeline.codec.registry import SchemaRegistry
from pipeline.errors import SesameError
from pipeline.partners.reading import read_scores
from pipeline.partners.rebuild import Cause, Found, cause_to_rebuild, outdated, stale
from pipeline.partners.records import Change, PartnerScore
from pipeline.partners.store import Standing, ViewStore
from pipeline.partners.tally import Tally

MARK_MS = 60_000
"""How often the store learns that nothing was missed while no record came."""

log = structlog.get_logger()


class OutdatedError(SesameError):
    """The view may have missed a withdrawal: it has to stand at the beginning again."""


@dataclass(frozen=True, slots=True)
class Raw:
    """A record as it was read; ``value`` None takes back what was told of the key."""

    key: bytes | None
    value: bytes | None


class Tracker:
    """The view of one partner's topic.

    Args:
        topic: Its name on the broker.
        partner_id: Whose it is.
        registry: Knows the schemas of the values.
        store: The view's; belongs to this tracker from now on.
        clock_ms: Wall time.

    Raises:
        RefusedError: The store holds another topic's view.
    """

    def __init__(
        self,
        topic: str,
        partner_id: str,
        registry: SchemaRegistry,
        store: ViewStore,
        clock_ms: Callable[[], int],
    ) -> None:
        self._topic = topic
        self._partner_id = partner_id
        self._registry = registry
        self._store = store
        self._clock_ms = clock_ms
        self.view, self._standing = store.load(topic)
        self._marked_at_ms = 0
        self.results = Tally()

    @property
    def current_at_ms(self) -> int | None:
        """When, by the wall clock, nothing was missing; None before the first start."""
        return None if self._standing is None else self._standing.current_at_ms

    @property
    def rebuilding(self) -> bool:
        """Whether the topic is being read from its beginning."""
        return self._standing is None or self._standing.rebuilding

    def outdated(self, now_ms: int) -> bool:
        """Whether the view may have missed a withdrawal, or never stood anywhere."""
        standing = self._standing
        return standing is None or outdated(standing.current_at_ms, now_ms)

    def stale(self, now_ms: int) -> bool:
        """Whether the view was not at its topic's end for too long to decide on it."""
        standing = self._standing
        return standing is None or stale(standing.current_at_ms, now_ms)

    def get(self, subject: str, now_ms: int) -> PartnerScore | None:
        """What may be seen of a subject; nothing while the view is stale."""
        return None if self.stale(now_ms) else self.view.get(subject, now_ms)

    def stand(self, found: Found) -> tuple[dict[int, int], Cause | None]:
        """Where to read on in the topic as it is found, and why from the beginning, if so."""
        now_ms = self._clock_ms()
        cause = cause_to_rebuild(self._standing, found, now_ms)
        if cause is not None:
            generation = 1 if self._standing is None else self._standing.generation + 1
            standing = Standing(
                self._topic, found.topic_id, found.beginnings, now_ms, generation, rebuilding=True
            )
            self._store.begin(standing)
            self.view.begin_generation(generation)
            self._standing = standing
        return dict(self._stands.offsets), cause

    def take(self, records: Sequence[Raw], offsets: Mapping[int, int]) -> list[Change]:
        """Take in records, and what is to be read after them.

        Returns:
            What changed, in order; it is stored and shown.

        Raises:
            RegistryError: The registry cannot answer; nothing was taken in.
            StoreError: The store cannot be written; nothing was taken in.
        """
        results: Counter[str] = Counter()
        folded = self.view.fold(self._read(records, results))
        self._store.save(folded, offsets)
        self._standing = replace(self._stands, offsets={**self._stands.offsets, **offsets})
        self.view.publish(folded)
        results["taken"] -= folded.repeats
        results["repeat"] = folded.repeats
        self.results.add_all(results)
        return folded.changes

    def caught_up(self, offsets: Mapping[int, int], at_ms: int) -> list[Change]:
        """The topic was read to where it ended at ``at_ms``.

        Returns:
            The subjects a rebuild did not meet again, as gone.

        Raises:
            OutdatedError: The last time was too long ago, for instance as the machine slept.
            StoreError: The store cannot be written.
        """
        if self.outdated(at_ms):
            raise OutdatedError("too long without a look at the topic's end")
        standing = replace(self._stands, offsets=dict(offsets), current_at_ms=at_ms)
        if standing.rebuilding:
            folded = self.view.unseen()
            self._standing = self._store.catch_up(folded, standing)
            self.view.publish(folded)
            self._marked_at_ms = at_ms
            return folded.changes
        if abs(at_ms - self._marked_at_ms) >= MARK_MS:
            self._store.mark(standing)
            self._marked_at_ms = at_ms
        self._standing = standing
        return []

    @property
    def _stands(self) -> Standing:
        if self._standing is None:
            raise RuntimeError("the tracker stands nowhere yet")
        return self._standing

    def _read(self, records: Sequence[Raw], results: Counter[str]) -> list[Change]:
        keyed = [(raw.key, raw.value) for raw in records if raw.key is not None]
        told = [(key, value) for key, value in keyed if value is not None]
        read = read_scores(
            [key for key, _ in told], [value for _, value in told], self._partner_id, self._registry
        )
        for problem in read.problems:
            log.warning("unreadable partner score", error=problem)
        # What a record replaced that cannot be read is no longer so; what it says is not
        # known: nothing may be seen.
        seen = iter(read.seen)
        unreadable = len(read.problems)
        results["taken"] += len(told) - unreadable
        results["ended"] += len(keyed) - len(told)
        results["refused"] += unreadable + len(records) - len(keyed)
        return [
            Change(key.decode(errors="replace"), None if value is None else next(seen))
            for key, value in keyed
        ]
