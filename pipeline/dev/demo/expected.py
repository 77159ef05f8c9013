"""What the consents that were sent let everybody expect."""

from collections.abc import Collection

import numpy as np

from pipeline import topics
from pipeline.dev.simulator.consents import PARTNERS
from pipeline.dev.simulator.history import History
from pipeline.factors.columns import Bool, Int64
from pipeline.factors.layout import NO_TIME
from pipeline.factors.vocabulary import ConsentAction, Scope

_NEVER = -1


def count_enrolled(history: History) -> int:
    """People whose newest consent for scoring is a grant, a withdrawal winning ties."""
    granted, _ = _newest(history, _of_scope(history, Scope.SCORING))
    withdrawn = _withdrawn_at(history)
    return int((granted > withdrawn).sum())


def count_shown(history: History, partner_id: str, scored: Collection[str], now_ms: int) -> int:
    """People a partner may see: granted, not withdrawn since, not expired, with a score.

    Args:
        history: What was sent.
        partner_id: One of the simulator's.
        scored: Users who have a score.
        now_ms: When it is asked.
    """
    fields = history.events[topics.CONSENTS].fields
    own = fields["partner_id"] == PARTNERS.index(partner_id)
    granted, expires = _newest(history, _of_scope(history, Scope.PARTNER) & own)
    in_force = (granted > _withdrawn_at(history)) & ((expires == NO_TIME) | (expires > now_ms))
    return sum(history.users[at] in scored for at in np.flatnonzero(in_force).tolist())


def _of_scope(history: History, scope: Scope) -> Bool:
    chosen: Bool = history.events[topics.CONSENTS].fields["scope"] == scope
    return chosen


def _newest(history: History, chosen: Bool) -> tuple[Int64, Int64]:
    """When everybody last granted, of the chosen consents, and until when."""
    events = history.events[topics.CONSENTS]
    grants = np.flatnonzero(chosen & (events.fields["action"] == ConsentAction.GRANT))
    in_order = grants[np.argsort(events.occurred_at_ms[grants], kind="stable")]
    at = np.full(len(history.users), _NEVER, np.int64)
    until = np.full(len(history.users), NO_TIME, np.int64)
    # The last assignment to an index stays.
    at[events.user[in_order]] = events.occurred_at_ms[in_order]
    until[events.user[in_order]] = events.fields["expires_at"][in_order]
    return at, until


def _withdrawn_at(history: History) -> Int64:
    """When everybody last withdrew SCORING, which ends all grants."""
    events = history.events[topics.CONSENTS]
    action = events.fields["action"]
    gone = np.flatnonzero(_of_scope(history, Scope.SCORING) & (action == ConsentAction.WITHDRAW))
    at = np.full(len(history.users), _NEVER, np.int64)
    np.maximum.at(at, events.user[gone], events.occurred_at_ms[gone])
    return at
