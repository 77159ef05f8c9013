"""The contract's rules on input records."""

import numpy as np
import pyarrow.compute as pc

from pipeline.codec.columns import Columns
from pipeline.codec.field_rules import (
    AMOUNT_MAX,
    EVENT_ID_CHARS_MAX,
    EXPIRES_BEFORE_MS,
    EXPIRES_FROM_MS,
    GIVEN_BEFORE_MS,
    GIVEN_FROM_MS,
    NAME_CHARS_MAX,
    OCCURRED_BEFORE_MS,
    OCCURRED_FROM_MS,
    TEXT_CHARS_MAX,
    Rule,
    Rules,
    mark,
    shown,
    text,
    time,
    within,
)
from pipeline.codec.resolve import Faults
from pipeline.factors.vocabulary import ConsentAction, ObligationStatus, Scope
from pipeline.scoring.bands import SCORE_MAX, SCORE_MIN


def find_broken(record: str, columns: Columns) -> Faults:
    """Records that break a rule of their kind, with what is wrong.

    Raises:
        KeyError: There are no rules for this record: it is no input.
    """
    return RULES[record].find_broken(columns)


def _currency(columns: Columns, faults: Faults) -> None:
    """Three capital letters (ISO 4217) where it is given."""
    texts = columns.texts("currency")
    three = texts.lengths == 3  # noqa: PLR2004 - ISO 4217
    if three.all() and texts.used.isalpha() and texts.used.isupper():
        return
    letters = texts.data[texts.starts[three, None] + np.arange(3)]
    bad = ~three
    bad[three] = ((letters < ord("A")) | (letters > ord("Z"))).any(axis=1)
    if bad.any():
        bad &= columns.valid_or_all("currency")
    for at in np.flatnonzero(bad):
        faults.setdefault(int(at), f"currency is {shown(texts, at)}, not three capital letters")


def _breach_has_evidence(columns: Columns, faults: Faults) -> None:
    breached = columns.longs("status") == ObligationStatus.BREACHED
    if breached.any():
        mark(breached & (columns.texts("evidence").lengths == 0), "evidence is missing", faults)


def _partner_fields(columns: Columns, faults: Faults) -> None:
    """Scope PARTNER names partner, purpose and disclosure; no other scope does.

    A withdrawal needs the partner alone: no form stands in its way.
    """
    partner = columns.longs("scope") == Scope.PARTNER
    grant = columns.longs("action") == ConsentAction.GRANT
    for name in ("partner_id", "purpose", "disclosure"):
        given = columns.valid_or_all(name)
        needed = partner if name == "partner_id" else partner & grant
        mark(needed & ~given, f"{name} is missing with scope PARTNER", faults)
        mark(given & ~partner, f"{name} is given without scope PARTNER", faults)


def _not_oneself(columns: Columns, faults: Faults) -> None:
    own, other = columns.texts("user_id"), columns.texts("other_user_id")
    same = pc.equal(own.array, other.array)
    if not same.true_count:
        return
    for at in np.flatnonzero(same.to_numpy(zero_copy_only=False)):
        faults.setdefault(int(at), f"other_user_id is the user's own: {shown(other, at)}")


_EVENT: tuple[Rule, ...] = (
    text("event_id", EVENT_ID_CHARS_MAX),
    text("user_id", NAME_CHARS_MAX),
    time("occurred_at", OCCURRED_FROM_MS, OCCURRED_BEFORE_MS),
)
_AMOUNT = within("amount_minor", 0, AMOUNT_MAX)
_DUE_AT = time("due_at", GIVEN_FROM_MS, GIVEN_BEFORE_MS)
OBLIGATION_STEP: tuple[Rule, ...] = (
    text("contract_id", NAME_CHARS_MAX),
    _AMOUNT,
    _DUE_AT,
    _breach_has_evidence,
    text("evidence", TEXT_CHARS_MAX, chars_min=0),
)
"""A contract's step, whoever it is about."""
_OTHER_USER = (text("other_user_id", NAME_CHARS_MAX), _not_oneself)

RULES: dict[str, Rules] = {
    "Consent": Rules(
        *_EVENT,
        _partner_fields,
        text("partner_id", NAME_CHARS_MAX),
        text("purpose", NAME_CHARS_MAX),
        time("expires_at", EXPIRES_FROM_MS, EXPIRES_BEFORE_MS),
        text("notice_version", TEXT_CHARS_MAX, chars_min=0),
    ),
    "Payment": Rules(
        *_EVENT,
        _AMOUNT,
        _currency,
        _DUE_AT,
        text("account_id", NAME_CHARS_MAX),
        within("balance_minor", -AMOUNT_MAX, AMOUNT_MAX),
        within("limit_minor", 0, AMOUNT_MAX),
    ),
    "Consumption": Rules(*_EVENT, _AMOUNT, _currency),
    "Obligation": Rules(
        *_EVENT,
        text("partner_id", NAME_CHARS_MAX),
        *OBLIGATION_STEP,
    ),
    "Profile": Rules(*_EVENT, time("since", GIVEN_FROM_MS, GIVEN_BEFORE_MS)),
    "Relationship": Rules(*_EVENT, *_OTHER_USER),
    "PeerSignal": Rules(*_EVENT, *_OTHER_USER, within("base_score", SCORE_MIN, SCORE_MAX)),
}
