"""The contract's rules on the records partners write."""

from pipeline.codec.columns import Columns
from pipeline.codec.field_rules import (
    EVENT_ID_CHARS_MAX,
    NAME_CHARS_MAX,
    OCCURRED_BEFORE_MS,
    OCCURRED_FROM_MS,
    Rule,
    Rules,
    text,
    time,
)
from pipeline.codec.resolve import Faults
from pipeline.codec.rules import OBLIGATION_STEP


def find_broken(record: str, columns: Columns) -> Faults:
    """Records that break a rule of their kind, with what is wrong.

    Raises:
        KeyError: There are no rules for this record: partners do not write it.
    """
    return RULES[record].find_broken(columns)


_REPORT: tuple[Rule, ...] = (
    text("event_id", EVENT_ID_CHARS_MAX),
    text("subject", NAME_CHARS_MAX),
    time("occurred_at", OCCURRED_FROM_MS, OCCURRED_BEFORE_MS),
)

RULES: dict[str, Rules] = {
    "PartnerOutcome": Rules(*_REPORT, *OBLIGATION_STEP),
    "PartnerEnquiry": Rules(*_REPORT, text("purpose", NAME_CHARS_MAX)),
}
