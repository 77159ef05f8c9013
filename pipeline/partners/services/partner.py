"""What the services need of the partner's client."""

from typing import Protocol

from pipeline.partners.decision import Decision
from pipeline.partners.follower import State
from pipeline.partners.records import OutcomeReport
from pipeline.partners.vocabulary import Purpose


class Partner(Protocol):
    """A partner's local view and its way to report, as `PartnerClient` is; thread-safe."""

    @property
    def ready(self) -> bool:
        """Whether the view has caught up with the topic."""

    @property
    def state(self) -> State:
        """How far the view can be relied on."""

    @property
    def subjects(self) -> int:
        """People of whom something may be seen."""

    @property
    def outcomes_waiting(self) -> int:
        """Reports taken that are not delivered yet."""

    def decide(self, subject: str, purpose: Purpose) -> Decision:
        """Decide on a person by what may be seen of them now."""

    def report(self, outcome: OutcomeReport) -> str:
        """Take an outcome for good, to be sent; a repeat under the same event id is one."""
