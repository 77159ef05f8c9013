"""Deciding at the counter: by the local view, only once it is complete, and counted."""

from collections.abc import Callable
from http import HTTPStatus

from pipeline.partners.decision import Decision
from pipeline.partners.services.partner import Partner
from pipeline.partners.services.problems import Problem


class Deciding:
    """Decides on people; ``counted`` is told of each decision."""

    def __init__(self, partner: Partner, counted: Callable[[Decision], None]) -> None:
        self._partner = partner
        self._counted = counted

    def __call__(self, subject: str) -> Decision:
        """Decide on a person.

        Raises:
            Problem: The view has not caught up; "nothing to be seen" would not be true.
        """
        if not self._partner.ready:
            detail = "what may be seen of people is still being read"
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, "catching-up")
        decision = self._partner.decide(subject)
        self._counted(decision)
        return decision
