"""Deciding at the counter: by the local view, and only once it is complete."""

from http import HTTPStatus

from pipeline.partners.decision import Decision
from pipeline.partners.services.partner import Partner
from pipeline.partners.services.problems import Problem
from pipeline.partners.vocabulary import Purpose


class Deciding:
    """Decides on people as a partner, for one purpose."""

    def __init__(self, partner: Partner, purpose: Purpose) -> None:
        self._partner = partner
        self._purpose = purpose

    def __call__(self, subject: str) -> Decision:
        """Decide on a person.

        Raises:
            Problem: The view has not caught up; "nothing to be seen" would not be true. One
                that is stale decides on nothing, and so offers the way on.
        """
        if not self._partner.state.stale:
            check_ready(self._partner)
        return self._partner.decide(subject, self._purpose)


def check_ready(partner: Partner) -> None:
    """Refuse what needs a complete view before it is.

    Raises:
        Problem: To be tried again.
    """
    if partner.state.stale:
        detail = "what may be seen of people was not up to date for too long to decide on it"
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, "stale")
    if not partner.ready:
        detail = "what may be seen of people is still being read"
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, "catching-up")
