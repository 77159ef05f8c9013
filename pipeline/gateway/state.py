"""Everything the gateway holds of a partition."""

from dataclasses import dataclass, field

import numpy as np

from pipeline.factors.columns import Int64
from pipeline.gateway.grants import Grants
from pipeline.gateway.people import People
from pipeline.gateway.rows import NEVER_MS
from pipeline.gateway.texts import Texts


@dataclass(slots=True)
class Outdated:
    """Slots of whom the changelog holds something in a former layout."""

    grants: set[int] = field(default_factory=set)
    people: set[int] = field(default_factory=set)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.grants or self.people)

    def take(self, slots_max: int) -> tuple[Int64, Int64]:
        """Take out some grants and some people, at most so many of each."""
        return _take(self.grants, slots_max), _take(self.people, slots_max)


@dataclass(slots=True)
class GatewayState:
    """People, their grants, and the texts their scores are told in.

    A batch changes it in place: if its transaction does not commit, the lane restores.
    """

    people: People = field(default_factory=People)
    texts: Texts = field(default_factory=Texts)
    outdated: Outdated = field(default_factory=Outdated)
    grants: Grants = field(init=False)

    def __post_init__(self) -> None:
        self.grants = Grants(self.people)

    @property
    def next_due_ms(self) -> int:
        """When time alone changes something next; the far future if never."""
        people = self.people.due_ms[: len(self.people.user_at)]
        grants = self.grants.due_ms[: self.grants.slots_end]
        ends = [int(array.min()) for array in (people, grants) if array.size]
        return min(ends, default=NEVER_MS)


def _take(slots: set[int], slots_max: int) -> Int64:
    taken = [slots.pop() for _ in range(min(slots_max, len(slots)))]
    return np.array(taken, np.int64)
