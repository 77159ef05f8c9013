"""Rings read back from a month: which slots of a row count, and how old they are."""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.factors.columns import Bool, Int64, UInt8, UInt32
from pipeline.factors.layout import MONTHS_BEHAVIOUR, MONTHS_CREDIT
from pipeline.factors.months import month_of_s
from pipeline.factors.state import Rows

Float64 = NDArray[np.float64]
_GAP_MAX = 200
"""Months from a ring's head to now, at most; beyond every window, and ages still fit 8 bits."""
_NEVER = 1 << 14
"""An age in months beyond every window."""


def _slot_ages(reach: int) -> UInt8:
    """Age of each slot's month before the head's, (head % reach, slot)."""
    heads, slots = np.ogrid[:reach, :reach]
    ages: UInt8 = ((heads - slots) % reach).astype(np.uint8)
    return ages


def _window_bits(reach: int) -> UInt32:
    """Bits ``month % 24`` of a ring's slots that lie within 24 months, by gap and head.

    (gap from head to now, capped at 24; head % 24; slot of the ring).
    """
    gaps, heads, slots = np.ogrid[: MONTHS_CREDIT + 1, :MONTHS_CREDIT, :reach]
    ages = (heads - slots) % reach
    bits = np.left_shift(1, (heads - ages) % MONTHS_CREDIT)
    within: UInt32 = np.where(ages + gaps < MONTHS_CREDIT, bits, 0).astype(np.uint32)
    return within


_AGES = {reach: _slot_ages(reach) for reach in (MONTHS_CREDIT, MONTHS_BEHAVIOUR)}
_SHOPPING_BITS = _window_bits(MONTHS_BEHAVIOUR)
_WINDOW_BITS: UInt32 = _window_bits(MONTHS_CREDIT).sum(axis=2, dtype=np.uint32)
_ONES = {reach: np.ones(reach, np.float32) for reach in (MONTHS_CREDIT, MONTHS_BEHAVIOUR)}


class Lookback:
    """Rows as seen from a month; what several characteristics need is computed once.

    Args:
        rows: FACTOR_ROW (n_users,).
        as_of_month: One month for all or (n_users,); not before a row's newest month.
    """

    def __init__(self, rows: Rows, as_of_month: int | Int64) -> None:
        self.rows = rows
        self.as_of: Int64 = np.broadcast_to(np.asarray(as_of_month, np.int64), rows.shape)
        self._heads: dict[str, tuple[Int64, Int64]] = {}
        self._sums: dict[tuple[str, int], Float64] = {}

    def months_since(self, month: NDArray[Any]) -> Float64:
        """Months (n_users,) since a month; NaN where it is 0, never negative."""
        since = np.maximum(self.as_of - month, 0)
        return np.where(month > 0, since, np.nan)

    def months_since_second(self, second: NDArray[Any]) -> Int64:
        """Months (n_users, k) since times in seconds; far for 0."""
        since = self.as_of[:, None] - month_of_s(second.astype(np.int64))
        return np.where(second > 0, since, _NEVER)

    def payments(self, name: str, months: int) -> Float64:
        """Sum (n_users,) of a payment ring over the last months."""
        if name == "chargebacks":
            ages = self._ages("payments_newest_s", MONTHS_BEHAVIOUR)
            return self._sum(name, ages < months, months)
        return self._sum(name, self.payment_ages < months, months)

    def obligations(self, name: str, months: int) -> Float64:
        """Sum (n_users,) of an obligation ring over the last months."""
        return self._sum(name, self.obligation_ages < months, months)

    def consumption(self, name: str) -> Float64:
        """Sum (n_users,) of a consumption ring over the last 12 months."""
        return self._sum(name, self.consumption_window, MONTHS_BEHAVIOUR)

    @cached_property
    def payment_ages(self) -> UInt8:
        """Age in months of each payment slot, (n_users, 24)."""
        return self._ages("payments_newest_s", MONTHS_CREDIT)

    @cached_property
    def obligation_ages(self) -> UInt8:
        """Age in months of each obligation slot, (n_users, 24)."""
        return self._ages("obligations_newest_s", MONTHS_CREDIT)

    @cached_property
    def consumption_window(self) -> Bool:
        """Which consumption slots (n_users, 12) are of the last 12 months."""
        within: Bool = self._ages("consumption_newest_s", MONTHS_BEHAVIOUR) < MONTHS_BEHAVIOUR
        return within

    @cached_property
    def breach_ages(self) -> Int64:
        """Age in months of each remembered breach, (n_users, 4), newest first."""
        months = self.rows["breach_months"]
        return np.where(months > 0, self.as_of[:, None] - months, _NEVER)

    @cached_property
    def shopping(self) -> Bool:
        """Which consumption slots (n_users, 12) saw anything."""
        rows = self.rows
        seen: Bool = (rows["purchases"] | rows["returns"] | rows["searches"]) > 0
        return seen

    @cached_property
    def active_months(self) -> UInt32:
        """Bit ``month % 24`` for every month of the last 24 with any event, (n_users,)."""
        rows = self.rows
        active: UInt32 = rows["payment_months"] & _WINDOW_BITS[self._place("payments_newest_s")]
        active |= rows["obligation_months"] & _WINDOW_BITS[self._place("obligations_newest_s")]
        bits = _SHOPPING_BITS[self._place("consumption_newest_s")]
        active |= np.bitwise_or.reduce(bits * self.shopping, axis=1)
        return active

    def _sum(self, name: str, within: Bool, months: int) -> Float64:
        key = (name, months)
        if key not in self._sums:
            # 24 counts of 8 bits: exact in single precision, and a product beats a sum by rows
            counted = (self.rows[name] * within).astype(np.float32)
            self._sums[key] = (counted @ _ONES[within.shape[1]]).astype(np.float64)
        return self._sums[key]

    def _ages(self, newest_field: str, reach: int) -> UInt8:
        head, gap = self._head(newest_field)
        ages: UInt8 = _AGES[reach].take(head % reach, axis=0)
        ages += gap[:, None].astype(np.uint8)
        return ages

    def _place(self, newest_field: str) -> tuple[Int64, Int64]:
        """Where a topic's rings stand in tables by gap and head."""
        head, gap = self._head(newest_field)
        return np.minimum(gap, MONTHS_CREDIT), head % MONTHS_CREDIT

    def _head(self, newest_field: str) -> tuple[Int64, Int64]:
        """Month of a topic's newest event, and months from it to now, at most ``_GAP_MAX``."""
        if newest_field not in self._heads:
            head = month_of_s(self.rows[newest_field].astype(np.int64))
            gap = np.minimum(np.maximum(self.as_of - head, 0), _GAP_MAX)
            self._heads[newest_field] = head, gap
        return self._heads[newest_field]
