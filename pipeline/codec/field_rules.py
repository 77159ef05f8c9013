"""Rules on the fields of records, checked by column.

A rule looks at a whole batch and names the records that break it; the first rule a record
breaks gives its error.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from pipeline.codec.columns import Columns, Texts
from pipeline.codec.resolve import Faults
from pipeline.factors.columns import Bool, Int32, Int64

Rule = Callable[[Columns, Faults], None]

EVENT_ID_CHARS_MAX = 64
NAME_CHARS_MAX = 128
"""Most characters of a user, contract, partner or account id, and of a purpose."""
TEXT_CHARS_MAX = 4096
"""Most characters of evidence and notice versions."""
AMOUNT_MAX = 10**15
"""Largest amount in minor units: keeps sums and ratios of amounts within 64 bits."""
SHOWN_CHARS_MAX = 40


def _ms(year: int) -> int:
    return round(datetime(year, 1, 1, tzinfo=UTC).timestamp() * 1000)


OCCURRED_FROM_MS, OCCURRED_BEFORE_MS = _ms(2000), _ms(2100)
GIVEN_FROM_MS, GIVEN_BEFORE_MS = _ms(1900), _ms(2200)
"""Bounds of due dates and of the time since when an attribute holds."""
EXPIRES_FROM_MS, EXPIRES_BEFORE_MS = _ms(2000), _ms(9999)


@dataclass(frozen=True, slots=True)
class Bounded:
    """A rule that no record breaks whose ``number`` is within bounds, both included.

    ``number`` gives shape (n_records,); what lies outside is for the rule to tell.
    """

    number: Callable[[Columns], Int64 | Int32]
    low: int
    high: int
    rule: Rule

    def __call__(self, columns: Columns, faults: Faults) -> None:
        """Hold a batch to the rule."""
        self.rule(columns, faults)


class Rules:
    """The rules on one kind of record."""

    def __init__(self, *rules: Rule) -> None:
        """Take the rules, in the order of their errors."""
        self._rules = rules
        bounded = {at: rule for at, rule in enumerate(rules) if isinstance(rule, Bounded)}
        self._places = list(bounded)
        self._numbers = [rule.number for rule in bounded.values()]
        self._low = np.array([[rule.low] for rule in bounded.values()], np.int64)
        self._high = np.array([[rule.high] for rule in bounded.values()], np.int64)

    def find_broken(self, columns: Columns) -> Faults:
        """Records that break one of the rules, with what is wrong."""
        faults: Faults = {}
        if len(columns):
            kept = self._surely_kept(columns)
            for at, rule in enumerate(self._rules):
                if at not in kept:
                    rule(columns, faults)
        return faults

    def _surely_kept(self, columns: Columns) -> set[int]:
        """The places of rules that no record breaks, as one look at all bounds tells."""
        numbers = np.array([number(columns) for number in self._numbers], np.int64)
        inside = (numbers >= self._low) & (numbers <= self._high)
        kept = np.logical_and.reduce(inside, axis=1).nonzero()[0].tolist()
        return {self._places[at] for at in kept}


def text(name: str, chars_max: int, chars_min: int = 1) -> Rule:
    """A text of that many characters where it is given; at least 1, or any number."""

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
                f"{shown(texts, at)}",
            )

    # Characters have a byte at least: as few bytes are as few characters.
    return Bounded(lambda columns: columns.texts(name).lengths, chars_min, chars_max, rule)


def _characters(texts: Texts) -> Int64:
    # Bytes 10xxxxxx continue a character (RFC 3629).
    starts_character = (texts.data & 0xC0) != 0x80  # noqa: PLR2004 - RFC 3629
    before = np.concatenate(([0], np.cumsum(starts_character, dtype=np.int64)))
    return before[texts.ends] - before[texts.starts]


def shown(texts: Texts, at: int | np.integer) -> str:
    """A value as errors quote it, cut where it is long."""
    value = texts.data[texts.starts[at] : texts.ends[at]].tobytes().decode()
    return repr(value if len(value) <= SHOWN_CHARS_MAX else value[:SHOWN_CHARS_MAX] + "…")


def within(name: str, low: int, high: int) -> Rule:
    """An integer within bounds, both included, where it is given."""

    def rule(columns: Columns, faults: Faults) -> None:
        values = columns.longs(name)
        bad = (values < low) | (values > high)
        if bad.any():
            bad &= columns.valid_or_all(name)
        for at in np.flatnonzero(bad):
            faults.setdefault(int(at), f"{name} is {values[at]}, not within {low} to {high}")

    return Bounded(lambda columns: columns.longs(name), low, high, rule)


def time(name: str, from_ms: int, before_ms: int) -> Rule:
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

    return Bounded(lambda columns: columns.longs(name), from_ms, before_ms - 1, rule)


def _day(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).date().isoformat()


def mark(bad: Bool, error: str, faults: Faults) -> None:
    """Note one error of all records that are bad."""
    for at in np.flatnonzero(bad):
        faults.setdefault(int(at), error)
