"""What a thin file lacks, in codes and in plain words.

A thin file is never a low number: there is no score until both gaps are closed.
"""

from typing import Final

from pipeline.factors.characteristics import MissingHistory

MISSING_TEXTS: Final[dict[MissingHistory, str]] = {
    MissingHistory.ACTIVE_MONTHS: (
        "Fewer than three months with any payment, purchase or contract in the last two years."
    ),
    MissingHistory.CREDIT_OR_OBLIGATION: (
        "No bill, repayment or contract yet that shows how obligations are met."
    ),
}


def missing_codes(missing: int) -> list[str]:
    """The codes of the Score record's ``missing`` for a row's bits.

    >>> missing_codes(3)
    ['ACTIVE_MONTHS', 'CREDIT_OR_OBLIGATION']
    """
    return [_name(part) for part in MISSING_TEXTS if missing & part]


def missing_texts(missing: int) -> list[str]:
    """The same in plain words, for the person."""
    return [text for part, text in MISSING_TEXTS.items() if missing & part]


def _name(part: MissingHistory) -> str:
    return MissingHistory(part).name or ""
