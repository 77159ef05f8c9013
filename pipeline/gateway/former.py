"""Former layouts of the gateway's rows, and the way from each to the next.

They are written out, sizes too: nothing here may change with the rows of today. A layout can
be dropped once no changelog can hold it any more, see decision 0012.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.factors.migration import carried
from pipeline.gateway.rows import GRANT_ROW, PERSON_ROW

PERSON_ROW_1 = np.dtype(
    [
        ("layout", "u1"),
        ("enrolled_at_ms", "<i8"),
        ("ends_at_ms", "<i8"),
        ("ended_seen_ms", "<i8"),
        ("cut_at_ms", "<i8"),
        ("cut_seen_ms", "<i8"),
    ]
)

GRANT_ROW_1 = np.dtype(
    [
        ("layout", "u1"),
        ("granted", "u1"),
        ("disclosure", "u1"),
        ("contracts_open", "u1"),
        ("key", "<u4"),
        ("at_ms", "<i8"),
        ("expires_at_ms", "<i8"),
        ("ended_at_ms", "<i8"),
        ("ended_seen_ms", "<i8"),
        ("subject", "S40"),
        ("shown", "<u8"),
        ("shown_disclosure", "u1"),
        ("threshold", "<u2"),
        ("threshold_at_ms", "<i8"),
        ("sequence", "<u4"),
        ("times_shown", "<u4"),
        ("first_shown_ms", "<i8"),
        ("last_shown_ms", "<i8"),
        ("asked", "<u4"),
        ("asked_today", "<u4"),
        ("asked_day", "<u4"),
        ("frozen_day", "<u4"),
    ]
)


def person_rows_from_1(rows: NDArray[np.void]) -> NDArray[np.void]:
    """To layout 2, which remembers that a score was of before an erasure: of none it is known."""
    return carried(rows, PERSON_ROW, new={"stale_sequence": 0})


def grant_rows_from_1(rows: NDArray[np.void]) -> NDArray[np.void]:
    """To layout 2, which remembers what end the partner was told.

    Nobody knows which it was. 0 is none: an end that the person wants then counts as less than
    what is shown, and less is shown even while news is held back.
    """
    return carried(rows, GRANT_ROW, new={"shown_until_ms": 0})
