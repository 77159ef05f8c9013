"""Consents: the ledger that decides whose events are folded, and what is emptied.

Per scope the newest record decides, a withdrawal winning ties. A grant that has lapsed is
a withdrawal at its own time. A person is known from the first grant in force; withdrawing
SCORING forgets everything about the person, the ledger too.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.factors import behaviour, credit_history, fulfilment, identity, social
from pipeline.factors.admission import Outcome, Policy, future
from pipeline.factors.columns import ConsentColumns, Int64, UInt8
from pipeline.factors.layout import FACTOR_ROW_LAYOUT, LEDGER_ROW_LAYOUT, NO_TIME
from pipeline.factors.state import Arrivals, BatchState, Effects
from pipeline.factors.vocabulary import ConsentAction, Scope

NO_END = 0
_FACTOR_SCOPES = 6
_ROW_FIELDS = {
    Scope.CREDIT_HISTORY: credit_history.FIELDS,
    Scope.BEHAVIOUR: behaviour.FIELDS,
    Scope.FULFILMENT: fulfilment.FIELDS,
    Scope.IDENTITY: identity.FIELDS,
    Scope.SOCIAL: social.FIELDS,
}
_LEDGER_FIELDS = {
    Scope.FULFILMENT: fulfilment.LEDGER_FIELDS,
    Scope.IDENTITY: identity.LEDGER_FIELDS,
    Scope.SOCIAL: social.LEDGER_FIELDS,
}


def fold_consents(
    state: BatchState,
    arrivals: Arrivals[ConsentColumns],
    policy: Policy,
    watermark_ms: Int64,
    effects: Effects,
) -> UInt8:
    """Fold consents in order of arrival, in place; the outcomes (n_events,).

    ``watermark_ms`` (n_users,) is event time by person.
    Records with scope PARTNER are applied without effect here. A withdrawal of someone
    unknown leaves nothing behind: to remember it would be to keep a stranger's data.
    """
    events = arrivals.columns
    outcomes = np.zeros(len(events), np.uint8)
    outcomes[future(arrivals, policy)] = Outcome.FUTURE
    ours = (outcomes == Outcome.APPLIED) & (events.scope < _FACTOR_SCOPES)
    chosen = np.flatnonzero(ours)
    ledger = _Ledger(state, effects)
    records = zip(
        events.user[chosen].tolist(),
        events.scope[chosen].tolist(),
        events.action[chosen].tolist(),
        events.occurred_at_ms[chosen].tolist(),
        events.expires_at_ms[chosen].tolist(),
        watermark_ms[events.user[chosen]].tolist(),
        strict=True,
    )
    for user, scope, action, at_ms, expires_ms, now_ms in records:
        lapsed = expires_ms != NO_TIME and expires_ms <= now_ms
        if action == ConsentAction.GRANT and not lapsed:
            ends_ms = NO_END if expires_ms == NO_TIME else expires_ms
            ledger.grant(user, scope, max(at_ms, 1), ends_ms)
        else:
            ledger.withdraw(user, scope, max(at_ms, 1))
    return outcomes


def expire(state: BatchState, now_ms: Int64, effects: Effects) -> None:
    """Withdraw every grant whose end is not after ``now_ms`` (n_users,), in place."""
    ends = state.ledgers["consent_expires_ms"]
    lapsed = (ends != NO_END) & (ends <= now_ms[:, None])
    if not lapsed.any():
        return
    ledger = _Ledger(state, effects)
    for user, scope in np.argwhere(lapsed).tolist():  # SCORING, the first scope, comes first
        ledger.lapse(user, scope)


@dataclass(slots=True)
class _Ledger:
    """The consent columns of a batch, changed one record after the other."""

    state: BatchState
    effects: Effects

    def grant(self, user: int, scope: int, at_ms: int, ends_ms: int) -> None:
        """Grant, unless a newer record or a withdrawal of the same time decides."""
        row, ledger = self.state.rows[user], self.state.ledgers[user]
        decided_ms = int(ledger["consent_at_ms"][scope])
        mask = int(row["consent_mask"])
        if at_ms < decided_ms:
            return
        if at_ms == decided_ms:
            if not mask >> scope & 1:
                return
            # of two grants of the same time the one that ends first
            ends = [int(ledger["consent_expires_ms"][scope]), ends_ms]
            ends_ms = min((end for end in ends if end != NO_END), default=NO_END)
        row["layout"] = FACTOR_ROW_LAYOUT
        row["consent_mask"] = mask | 1 << scope
        ledger["layout"] = LEDGER_ROW_LAYOUT
        ledger["consent_at_ms"][scope] = at_ms
        ledger["consent_expires_ms"][scope] = ends_ms

    def withdraw(self, user: int, scope: int, at_ms: int) -> None:
        """Withdraw, unless a newer record decides."""
        row, ledger = self.state.rows[user], self.state.ledgers[user]
        if not row["layout"] or at_ms < ledger["consent_at_ms"][scope]:
            return
        ledger["consent_at_ms"][scope] = at_ms
        if scope == Scope.SCORING or row["consent_mask"] >> scope & 1:
            self.lapse(user, scope)

    def lapse(self, user: int, scope: int) -> None:
        """End a scope: empty what it covers, or erase the person with SCORING."""
        state = self.state
        if not state.rows[user]["layout"]:
            return
        if scope == Scope.SOCIAL:
            self.effects.signals += social.farewells(state, user)
        if scope == Scope.SCORING:
            self.effects.signals += social.erasures(state, user)
            _erase(state, user)
            self.effects.erased[user] = True
            return
        row, ledger = state.rows[user], state.ledgers[user]
        row["consent_mask"] &= ~(1 << scope) & 0xFF
        ledger["consent_expires_ms"][scope] = NO_END
        _empty(state, user, Scope(scope))


def _erase(state: BatchState, user: int) -> None:
    state.rows[user] = np.zeros((), state.rows.dtype)
    state.ledgers[user] = np.zeros((), state.ledgers.dtype)
    state.contracts[user] = b""
    state.links[user] = b""


def _empty(state: BatchState, user: int, scope: Scope) -> None:
    for name in _ROW_FIELDS[scope]:
        state.rows[name][user] = 0
    for name in _LEDGER_FIELDS.get(scope, ()):
        state.ledgers[name][user] = 0
    if scope is Scope.FULFILMENT:
        state.contracts[user] = b""
    if scope is Scope.SOCIAL:
        state.links[user] = b""
