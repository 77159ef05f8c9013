"""Former layouts of the rows, as they lay in changelogs, and the way from each to the next.

They are written out, sizes too: nothing here may change with the rows of today. A layout can
be dropped once no changelog can hold it any more, see decision 0012.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.factors.layout import FACTOR_ROW
from pipeline.factors.migration import carried

FACTOR_ROW_1 = np.dtype(
    [
        ("layout", "u1"),
        ("consent_mask", "u1"),
        ("payments_newest_s", "<u4"),
        ("consumption_newest_s", "<u4"),
        ("obligations_newest_s", "<u4"),
        ("first_credit_month", "<u2"),
        ("payment_months", "<u4"),
        ("paid_on_time", "u1", (24,)),
        ("paid_late", "u1", (24,)),
        ("worst_overdue", "u1", (24,)),
        ("chargebacks", "u1", (12,)),
        ("account_hash", "<u4", (2,)),
        ("account_at_s", "<u4", (2,)),
        ("account_used_permille", "<u2", (2,)),
        ("recent_payments", "<u8", (12,)),
        ("purchases", "u1", (12,)),
        ("essentials", "u1", (12,)),
        ("returns", "u1", (12,)),
        ("searches", "u1", (12,)),
        ("categories", "<u2", (12,)),
        ("recent_consumption", "<u8", (12,)),
        ("first_obligation_month", "<u2"),
        ("obligation_months", "<u4"),
        ("fulfilled", "u1", (24,)),
        ("fulfilled_late", "u1", (24,)),
        ("breach_months", "<u2", (4,)),
        ("open_contracts", "u1"),
        ("open_exposure_minor", "<u4"),
        ("attribute_verified", "u1"),
        ("attribute_since", "<u2", (6,)),
        ("linked_peers", "u1"),
        ("scored_peers", "u1"),
        ("peer_base_sum", "<u4"),
        (
            "published",
            [
                ("sequence", "<u4"),
                ("score", "<u2"),
                ("base_score", "<u2"),
                ("status", "u1"),
                ("consent_mask", "u1"),
                ("model", "<u4"),
                ("signalled", "u1"),
            ],
        ),
    ]
)


def factor_rows_from_1(rows: NDArray[np.void]) -> NDArray[np.void]:
    """To layout 2, which remembers what explanation was published.

    Nobody knows which it was: 0 is none, so each score is told once more when it is next
    looked at.
    """
    return carried(rows, FACTOR_ROW, new={"published.explanation": 0})
