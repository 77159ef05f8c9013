"""The fixed-size rows the gateway keeps, and their layout versions.

``SCORE_ROW`` is in memory alone: `scores` is compacted and is its changelog. ``GRANT_ROW`` and
``PERSON_ROW`` are changelog values as they lie. In all of them 0 stands for none: event times
are of this century, scores and thresholds at least 350.
"""

import numpy as np

from pipeline.gateway.keyring import SUBJECT_CHARACTERS
from pipeline.scoring.reasons import REASONS_MAX
from pipeline.topics import DAY_MS

GRANT_ROW_LAYOUT = 2
PERSON_ROW_LAYOUT = 2
CONTRACTS_LAYOUT = 1
ALIASES_LAYOUT = 1
"""Versions: whoever changes a layout raises its version, writes the former out in `former`, and
says there how it becomes the next."""

KEEP_MS = 7 * DAY_MS
"""How long it is remembered that and when a grant ended, for what arrives late."""
NEVER_MS = np.iinfo(np.int64).max

SCORE_ROW = np.dtype(
    [
        ("status", "u1"),  # ScoreStatus
        ("band", "u1"),  # position in Avro's Band; NONE
        ("score", "<u2"),
        ("model", "<i4"),  # code of a text, see `texts`; 0: none
        ("reasons", "<i4", (REASONS_MAX,)),  # likewise
        ("as_of_ms", "<i8"),
        ("sequence", "<i8"),  # of the pipeline's record; starts at 1 again after an erasure
    ]
)

PERSON_ROW = np.dtype(
    [
        ("layout", "u1"),  # 0: nothing is to be remembered of the person
        # The deciding SCORING grant
        ("enrolled_at_ms", "<i8"),  # 0: none is known
        ("ends_at_ms", "<i8"),  # 0: no end
        ("ended_seen_ms", "<i8"),  # when the gateway saw it end; 0: it has not
        # What a person decided up to then is erased.
        ("cut_at_ms", "<i8"),
        ("cut_seen_ms", "<i8"),
        ("stale_sequence", "<i8"),  # scores that go on from it are of before the cut; 0: none
    ]
)

GRANT_ROW = np.dtype(
    [
        ("layout", "u1"),
        # The deciding consent
        ("granted", "u1"),  # 0: withdrawn
        ("disclosure", "u1"),
        ("contracts_open", "u1"),
        ("key", "<u4"),  # fingerprint of the key the subject was made with; 0: no subject
        ("at_ms", "<i8"),
        ("expires_at_ms", "<i8"),  # 0: no end
        ("ended_at_ms", "<i8"),  # event time of the end; 0: in force
        ("ended_seen_ms", "<i8"),  # when the gateway saw it; 0: in force
        ("subject", f"S{SUBJECT_CHARACTERS}"),
        # What the partner's topic holds
        ("shown", "<u8"),  # digest of what is visible; 0: nothing
        ("shown_disclosure", "u1"),
        ("shown_until_ms", "<i8"),  # the end the partner was told; 0: none
        ("threshold", "<u2"),  # what answers are held against; 0: none was given yet
        ("threshold_at_ms", "<i8"),  # since when
        ("sequence", "<u4"),
        # What the person is told
        ("times_shown", "<u4"),
        ("first_shown_ms", "<i8"),
        ("last_shown_ms", "<i8"),
        ("asked", "<u4"),  # in all
        ("asked_today", "<u4"),
        ("asked_day", "<u4"),  # days since 1970
        ("frozen_day", "<u4"),  # the day its news is held back; 0: none
    ]
)
