"""Rings read back from a month: which slots of a row count, and how old they are."""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.factors.columns import Bool, Int64, UInt32
from pipeline.factors.layout import MONTHS_BEHAVIOUR, MONTHS_CREDIT
from pipeline.factors.months import month_of_s
from pipeline.factors.state import Rows

Float64 = NDArray[np.float64]
_NEVER = 1 << 14
"""An age in months beyond every window."""


def _slot_ages(reach: int) -> NDArray[np.int16]:
    """Age of each slot's month before the head's, (head % reach, slot)."""
    heads, slots = np.ogrid[:reach, :reach]
    ages: NDArray[np.int16] = ((heads - slots) % reach).astype(np.int16)
    return ages


def _union_bits() -> UInt32:
    """Bit ``month % 24`` of each slot of a 12-month ring, (head % 24, slot)."""
    heads, slots = np.ogrid[:MONTHS_CREDIT, :MONTHS_BEHAVIOUR]
    months = (heads - (heads - slots) % MONTHS_BEHAVIOUR) % MONTHS_CREDIT
    bits: UInt32 = np.left_shift(np.uint32(1), months.astype(np.uint32))
    return bits


_AGES = {reach: _slot_ages(reach) for reach in (MONTHS_CREDIT, MONTHS_BEHAVIOUR)}
_UNION_BITS = _union_bits()
_MONTH_BITS: UInt32 = np.left_shift(np.uint32(1), np.arange(MONTHS_CREDIT, dtype=np.uint32))


class Lookback:
    """Rows as seen from a month; what several characteristics need is computed once.

    Args:
        rows: FACTOR_ROW (n_users,).
        as_of_month: One month for all or (n_users,); not before a row's newest month.
    """

    def __init__(self, rows: Rows, as_of_month: int | Int64) -> None:
        self.rows = rows
        self.as_of: Int64 = np.broadcast_to(np.asarray(as_of_month, np.int64), rows.shape)
        self._sums: dict[tuple[str, int], Int64] = {}

    def months_since(self, month: NDArray[Any]) -> Float64:
        """Months (n_users,) since a month; NaN where it is 0, never negative."""
        since = np.maximum(self.as_of - month, 0)
        return np.where(month > 0, since, np.nan)

    def months_since_second(self, second: NDArray[Any]) -> Int64:
        """Months (n_users, k) since times in seconds; far for 0."""
        since = self.as_of[:, None] - month_of_s(second.astype(np.int64))
        return np.where(second > 0, since, _NEVER)

    def payments(self, name: str, months: int) -> Int64:
        """Sum (n_users,) of a payment ring over the last months."""
        if name == "chargebacks":
            ages = self._ages("payments_newest_s", MONTHS_BEHAVIOUR)
            return self._sum(name, ages < months, months)
        return self._sum(name, self.payment_window(months), months)

    def obligations(self, name: str, months: int) -> Int64:
        """Sum (n_users,) of an obligation ring over the last months."""
        return self._sum(name, self.obligation_ages < months, months)

    def consumption(self, name: str) -> Int64:
        """Sum (n_users,) of a consumption ring over the last 12 months."""
        return self._sum(name, self.consumption_window, MONTHS_BEHAVIOUR)

    def payment_window(self, months: int) -> Bool:
        """Which payment slots (n_users, 24) are of the last months."""
        within: Bool = self.payment_ages < months
        return within

    @cached_property
    def payment_ages(self) -> NDArray[np.int16]:
        """Age in months of each payment slot, (n_users, 24)."""
        return self._ages("payments_newest_s", MONTHS_CREDIT)

    @cached_property
    def obligation_ages(self) -> NDArray[np.int16]:
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
    def shopping_months(self) -> Bool:
        """Which consumption slots (n_users, 12) of the window saw anything."""
        rows = self.rows
        seen = (rows["purchases"] | rows["returns"] | rows["searches"]) > 0
        shopping: Bool = seen & self.consumption_window
        return shopping

    @cached_property
    def active_months(self) -> UInt32:
        """Bit ``month % 24`` for every month of the last 24 with any event, (n_users,)."""
        rows = self.rows
        paid = rows["payment_months"] & self._window_bits(self.payment_ages)
        owed = rows["obligation_months"] & self._window_bits(self.obligation_ages)
        head = month_of_s(rows["consumption_newest_s"].astype(np.int64))
        # ages beyond 12 are still within 24 here
        ages = self._ages("consumption_newest_s", MONTHS_BEHAVIOUR)
        seen = (rows["purchases"] | rows["returns"] | rows["searches"]) > 0
        weights = _UNION_BITS[head % MONTHS_CREDIT]
        used = (weights * (seen & (ages < MONTHS_CREDIT))).sum(axis=1, dtype=np.uint32)
        active: UInt32 = paid | owed | used
        return active

    def _sum(self, name: str, within: Bool, months: int) -> Int64:
        key = (name, months)
        if key not in self._sums:
            self._sums[key] = (self.rows[name] * within).sum(axis=1, dtype=np.int64)
        return self._sums[key]

    def _ages(self, newest_field: str, reach: int) -> NDArray[np.int16]:
        newest = self.rows[newest_field].astype(np.int64)
        head = month_of_s(newest)
        gap = np.where(newest > 0, np.clip(self.as_of - head, 0, _NEVER), _NEVER)
        ages: NDArray[np.int16] = _AGES[reach][head % reach] + gap[:, None].astype(np.int16)
        return ages

    @staticmethod
    def _window_bits(ages: NDArray[np.int16]) -> UInt32:
        bits: UInt32 = ((ages < MONTHS_CREDIT) * _MONTH_BITS).sum(axis=1, dtype=np.uint32)
        return bits
