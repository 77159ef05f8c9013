"""The fixed-size rows a partition keeps per person, and their layout versions.

Two structured arrays share a slot per person. ``FACTOR_ROW`` is what most events touch and
what scoring reads; ``LEDGER_ROW`` is what changes rarely (consents, profile clocks,
memory of obligation events). Splitting them halves the changelog's bytes. Lists that do
not fit a fixed row (contracts, links) are kept beside them, see ``contracts`` and ``links``.

Every stored value is canonical: it depends on which events were folded, not on their
order nor on how they were cut into batches. ``PUBLICATION`` is the exception: it says what
was last published, which does depend on when.
"""

import numpy as np

FACTOR_ROW_LAYOUT = 2
LEDGER_ROW_LAYOUT = 1
CONTRACTS_LAYOUT = 1
LINKS_LAYOUT = 1
"""Versions: whoever changes a layout raises its version, writes the former out in `former`, and
says there how it becomes the next."""

MONTHS_CREDIT = 24
"""Reach of payment and obligation tiles, in months."""
MONTHS_BEHAVIOUR = 12
"""Reach of consumption and chargeback tiles, in months."""
MONTHS_BREACH = 60
"""A breach leaves after five years."""

RECENT_IDS = 12
"""Remembered newest event ids per person for payments, and as many for consumption."""
RECENT_OBLIGATION_IDS = 8
ACCOUNTS_MAX = 2
"""Credit accounts with the newest balance that utilisation looks at."""
BREACHES_MAX = 4
"""Newest standing breaches a row remembers; more cost no further points."""
CONTRACTS_MAX = 32
"""Open, breached or disputed contracts kept per person."""
LINKS_MAX = 64
"""Links kept per person: the bound of the social fan-out."""

NO_TIME = np.iinfo(np.int64).min
"""Stands for null in millisecond columns."""
NO_AMOUNT = np.iinfo(np.int64).min
"""Stands for null in amount columns."""

PUBLICATION = np.dtype(
    [
        ("sequence", "<u4"),  # of the last published score; 0: never published
        ("score", "<u2"),  # 0: none (thin file)
        ("base_score", "<u2"),  # 0: none
        ("status", "u1"),  # 0: never published, 1: THIN_FILE, 2: SCORED
        ("consent_mask", "u1"),
        ("model", "<u4"),  # short hash of the model file
        ("explanation", "<u4"),  # digest of factor points, reasons and what a thin file lacks
        ("signalled", "u1"),  # base score / 10 last sent to peers; 0: none
    ]
)

FACTOR_ROW = np.dtype(
    [
        ("layout", "u1"),
        ("consent_mask", "u1"),  # bit 1 << Scope for the scopes in force
        ("payments_newest_s", "<u4"),  # newest accepted event time, seconds; 0: none
        ("consumption_newest_s", "<u4"),
        ("obligations_newest_s", "<u4"),
        # CREDIT_HISTORY: rings, slot = months since 1970 % reach, head = payments_newest_s
        ("first_credit_month", "<u2"),  # months since 1970; 0: no credit history
        ("payment_months", "<u4"),  # bit month % 24: any payment event in that month
        ("paid_on_time", "u1", (MONTHS_CREDIT,)),  # saturating counts
        ("paid_late", "u1", (MONTHS_CREDIT,)),
        ("worst_overdue", "u1", (MONTHS_CREDIT,)),  # 0 none, 1: 1-29 d, 2: 30-59, 3: 60-89, 4: 90+
        ("chargebacks", "u1", (MONTHS_BEHAVIOUR,)),  # slot = month % 12
        ("account_hash", "<u4", (ACCOUNTS_MAX,)),  # by newest balance first; 0: none
        ("account_at_s", "<u4", (ACCOUNTS_MAX,)),
        ("account_used_permille", "<u2", (ACCOUNTS_MAX,)),  # balance / limit, capped at 2000
        ("recent_payments", "<u8", (RECENT_IDS,)),  # see dedupe; newest first; 0: none
        # BEHAVIOUR: rings, slot = month % 12, head = consumption_newest_s
        ("purchases", "u1", (MONTHS_BEHAVIOUR,)),
        ("essentials", "u1", (MONTHS_BEHAVIOUR,)),  # of the purchases
        ("returns", "u1", (MONTHS_BEHAVIOUR,)),
        ("searches", "u1", (MONTHS_BEHAVIOUR,)),  # SEARCH and VIEW
        ("categories", "<u2", (MONTHS_BEHAVIOUR,)),  # bit per category bought, HEALTH never
        ("recent_consumption", "<u8", (RECENT_IDS,)),
        # FULFILMENT: rings, slot = month % 24, head = obligations_newest_s
        ("first_obligation_month", "<u2"),
        ("obligation_months", "<u4"),
        ("fulfilled", "u1", (MONTHS_CREDIT,)),
        ("fulfilled_late", "u1", (MONTHS_CREDIT,)),
        ("breach_months", "<u2", (BREACHES_MAX,)),  # undisputed, newest first; 0: none
        ("open_contracts", "u1"),
        ("open_exposure_minor", "<u4"),  # saturating sum over open contracts
        # IDENTITY: by Attribute
        ("attribute_verified", "u1"),  # bit 1 << Attribute
        ("attribute_since", "<u2", (6,)),  # month it holds since; 0: unknown
        # SOCIAL: mutual, consented links
        ("linked_peers", "u1"),  # mutual links, scored or not
        ("scored_peers", "u1"),  # of them scored
        ("peer_base_sum", "<u4"),  # sum of the scored peers' base scores
        ("published", PUBLICATION),
    ]
)

LEDGER_ROW = np.dtype(
    [
        ("layout", "u1"),
        ("consent_at_ms", "<i8", (6,)),  # by Scope: event time of the deciding record; 0: none
        ("consent_expires_ms", "<i8", (6,)),  # 0: no end
        ("attribute_at_ms", "<i8", (6,)),  # by Attribute: event time of the deciding record
        ("profiles_newest_s", "<u4"),
        ("relationships_newest_s", "<u4"),
        ("recent_obligations", "<u8", (RECENT_OBLIGATION_IDS,)),
    ]
)
