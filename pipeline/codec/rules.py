"""The contract's rules on the fields of input records, checked by column.

A rule looks at a whole batch and names the records that break it; the first rule a record
breaks gives its error.
"""

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np

from pipeline.codec.columns import Columns, Texts
from pipeline.codec.resolve import Faults
from pipeline.factors.columns import Bool, Int64
from pipeline.factors.vocabulary import ConsentAction, ObligationStatus, Scope

Rule = Callable[[Columns, Faults], None]

EVENT_ID_CHARS_MAX = 64
NAME_CHARS_MAX = 128
"""Most characters of a user, contract, partner or account id, and of a purpose."""
TEXT_CHARS_MAX = 4096
"""Most characters of evidence and notice versions."""
AMOUNT_MAX = 10**15
"""Largest amount in minor units: keeps sums and ratios of amounts within 64 bits."""
SHOWN_CHARS_MAX = 40
BASE_SCORE_MIN, BASE_SCORE_MAX = 350, 950


def _ms(year: int) -> int:
    return round(datetime(year, 1, 1, tzinfo=UTC).timestamp() * 1000)


OCCURRED_FROM_MS, OCCURRED_BEFORE_MS = _ms(2000), _ms(2100)
GIVEN_FROM_MS, GIVEN_BEFORE_MS = _ms(1900), _ms(2200)
"""Bounds of due dates and of the time since when an attribute holds."""
EXPIRES_FROM_MS, EXPIRES_BEFORE_MS = _ms(2000), _ms(9999)


def find_broken(record: str, columns: Columns) -> Faults:
    """Records that break a rule of their kind, with what is wrong.

    Raises:
        KeyError: There are no rules for this record: it is no input.
    """
    faults: Faults = {}
    if len(columns):
        for rule in RULES[record]:
            rule(columns, faults)
    return faults


def _text(name: str, chars_max: int, chars_min: int = 1) -> Rule:
    """A text of that many characters where it is given."""

    def rule(columns: Columns, faults: Faults) -> None:
        texts = columns.texts(name)
        chars = texts.lengths if texts.ascii else _characters(texts)
        bad = (chars > chars_max) | (chars < chars_min)
        if bad.any():
            bad &= columns.valid_or_all(name)
        for at in np.flatnonzero(bad):
            faults.setdefault(
                int(at),
                f"{name} has {chars[at]} characters, not {chars_min} to {chars_max}: "
                f"{_shown(texts, at)}",
            )

    return rule


def _characters(texts: Texts) -> Int64:
    # Bytes 10xxxxxx continue a character (RFC 3629).
    starts_character = (texts.data & 0xC0) != 0x80  # noqa: PLR2004 - RFC 3629
    before = np.concatenate(([0], np.cumsum(starts_character, dtype=np.int64)))
    return before[texts.ends] - before[texts.starts]


def _shown(texts: Texts, at: int | np.integer) -> str:
    value = texts.data[texts.starts[at] : texts.ends[at]].tobytes().decode()
    return repr(value if len(value) <= SHOWN_CHARS_MAX else value[:SHOWN_CHARS_MAX] + "…")


def _within(name: str, low: int, high: int) -> Rule:
    """An integer within bounds, both included, where it is given."""

    def rule(columns: Columns, faults: Faults) -> None:
        values = columns.longs(name)
        bad = (values < low) | (values > high)
        if bad.any():
            bad &= columns.valid_or_all(name)
        for at in np.flatnonzero(bad):
            faults.setdefault(int(at), f"{name} is {values[at]}, not within {low} to {high}")

    return rule


def _time(name: str, from_ms: int, before_ms: int) -> Rule:
    """A time within bounds where it is given."""

    def rule(columns: Columns, faults: Faults) -> None:
        values = columns.longs(name)
        bad = (values < from_ms) | (values >= before_ms)
        if bad.any():
            bad &= columns.valid_or_all(name)
        for at in np.flatnonzero(bad):
            faults.setdefault(
                int(at),
                f"{name} is {values[at]} ms, not from {_day(from_ms)} to before {_day(before_ms)}",
            )

    return rule


def _day(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).date().isoformat()


def _currency(columns: Columns, faults: Faults) -> None:
    """Three capital letters (ISO 4217) where it is given."""
    texts = columns.texts("currency")
    three = texts.lengths == 3  # noqa: PLR2004 - ISO 4217
    letters = texts.data[texts.starts[three, None] + np.arange(3)]
    bad = ~three
    bad[three] = ((letters < ord("A")) | (letters > ord("Z"))).any(axis=1)
    if bad.any():
        bad &= columns.valid_or_all("currency")
    for at in np.flatnonzero(bad):
        faults.setdefault(int(at), f"currency is {_shown(texts, at)}, not three capital letters")


def _breach_has_evidence(columns: Columns, faults: Faults) -> None:
    breached = columns.longs("status") == ObligationStatus.BREACHED
    if breached.any():
        _mark(breached & (columns.texts("evidence").lengths == 0), "evidence is missing", faults)


def _partner_fields(columns: Columns, faults: Faults) -> None:
    """Scope PARTNER names partner, purpose and disclosure; no other scope does.

    A withdrawal needs the partner alone: no form stands in its way.
    """
    partner = columns.longs("scope") == Scope.PARTNER
    grant = columns.longs("action") == ConsentAction.GRANT
    for name in ("partner_id", "purpose", "disclosure"):
        given = columns.valid_or_all(name)
        needed = partner if name == "partner_id" else partner & grant
        _mark(needed & ~given, f"{name} is missing with scope PARTNER", faults)
        _mark(given & ~partner, f"{name} is given without scope PARTNER", faults)


def _not_oneself(columns: Columns, faults: Faults) -> None:
    own, other = columns.texts("user_id"), columns.texts("other_user_id")
    for at in np.flatnonzero(own.lengths == other.lengths):
        mine = own.data[own.starts[at] : own.ends[at]]
        if np.array_equal(mine, other.data[other.starts[at] : other.ends[at]]):
            faults.setdefault(int(at), f"other_user_id is the user's own: {_shown(other, at)}")


def _mark(bad: Bool, error: str, faults: Faults) -> None:
    for at in np.flatnonzero(bad):
        faults.setdefault(int(at), error)


_EVENT: tuple[Rule, ...] = (
    _text("event_id", EVENT_ID_CHARS_MAX),
    _text("user_id", NAME_CHARS_MAX),
    _time("occurred_at", OCCURRED_FROM_MS, OCCURRED_BEFORE_MS),
)
_AMOUNT = _within("amount_minor", 0, AMOUNT_MAX)
_DUE_AT = _time("due_at", GIVEN_FROM_MS, GIVEN_BEFORE_MS)
_OTHER_USER = (_text("other_user_id", NAME_CHARS_MAX), _not_oneself)

RULES: dict[str, tuple[Rule, ...]] = {
    "Consent": (
        *_EVENT,
        _partner_fields,
        _text("partner_id", NAME_CHARS_MAX),
        _text("purpose", NAME_CHARS_MAX),
        _time("expires_at", EXPIRES_FROM_MS, EXPIRES_BEFORE_MS),
        _text("notice_version", TEXT_CHARS_MAX, chars_min=0),
    ),
    "Payment": (
        *_EVENT,
        _AMOUNT,
        _currency,
        _DUE_AT,
        _text("account_id", NAME_CHARS_MAX),
        _within("balance_minor", -AMOUNT_MAX, AMOUNT_MAX),
        _within("limit_minor", 0, AMOUNT_MAX),
    ),
    "Consumption": (*_EVENT, _AMOUNT, _currency),
    "Obligation": (
        *_EVENT,
        _text("contract_id", NAME_CHARS_MAX),
        _text("partner_id", NAME_CHARS_MAX),
        _AMOUNT,
        _DUE_AT,
        _breach_has_evidence,
        _text("evidence", TEXT_CHARS_MAX, chars_min=0),
    ),
    "Profile": (*_EVENT, _time("since", GIVEN_FROM_MS, GIVEN_BEFORE_MS)),
    "Relationship": (*_EVENT, *_OTHER_USER),
    "PeerSignal": (*_EVENT, *_OTHER_USER, _within("base_score", BASE_SCORE_MIN, BASE_SCORE_MAX)),
}
