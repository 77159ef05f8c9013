"""Everything the gateway holds of a partition."""

from dataclasses import dataclass, field

from pipeline.gateway.grants import Grants
from pipeline.gateway.people import People
from pipeline.gateway.rows import NEVER_MS
from pipeline.gateway.texts import Texts


@dataclass(slots=True)
class GatewayState:
    """People, their grants, and the texts their scores are told in.

    A batch changes it in place: if its transaction does not commit, the lane restores.
    """

    people: People = field(default_factory=People)
    texts: Texts = field(default_factory=Texts)
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
