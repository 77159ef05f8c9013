"""Months since 1970 in UTC: the unit of every tile.

Rows keep event times as unsigned 32-bit seconds, so months run from 0 (January 1970) to
the month of ``SECOND_MAX`` (February 2106); times outside are taken to the nearer end.
"""

from typing import overload

import numpy as np

from pipeline.factors.columns import Int64

SECOND_MAX = 2**32 - 1
_DAY_S = 86_400
_DAYS = SECOND_MAX // _DAY_S + 1
# A table look-up per event costs a tenth of numpy's own calendar arithmetic.
_MONTH_OF_DAY: Int64 = (
    np.arange(_DAYS).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
)


@overload
def month_of_s(seconds: int) -> int: ...
@overload
def month_of_s(seconds: Int64) -> Int64: ...
def month_of_s(seconds: int | Int64) -> int | Int64:
    """The month of a time in seconds since 1970.

    >>> month_of_s(86_400 * 31)
    1
    """
    if isinstance(seconds, int):
        return int(_MONTH_OF_DAY[min(max(seconds, 0) // _DAY_S, _DAYS - 1)])
    # take's own clipping costs a fraction of np.clip
    return _MONTH_OF_DAY.take(seconds // _DAY_S, mode="clip")


@overload
def month_of_ms(milliseconds: int) -> int: ...
@overload
def month_of_ms(milliseconds: Int64) -> Int64: ...
def month_of_ms(milliseconds: int | Int64) -> int | Int64:
    """The month of a time in milliseconds since 1970.

    >>> month_of_ms(86_400_000 * 365)
    12
    """
    return month_of_s(milliseconds // 1000)


def month_start_ms(month: int) -> int:
    """The first millisecond of a month.

    >>> month_start_ms(1) == 31 * 86_400_000
    True
    """
    return int(np.datetime64(month, "M").astype("datetime64[ms]").astype(np.int64))
