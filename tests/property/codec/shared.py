"""Random records of what is shared with partners and told to people, valid under the rules."""

from typing import Any

from hypothesis import strategies as st

from tests.property.codec.records import (
    AMOUNT,
    EVENT_ID,
    GIVEN,
    OCCURRED,
    TEXT,
    nullable,
    symbols,
)

AS_OF = st.integers(0, 7_258_118_399_999)
SCORES = st.integers(350, 950)
BANDS = symbols("Score", "band")
REASONS = st.lists(st.sampled_from(["LATE", "NEW", "CHARGEBACKS"]) | TEXT, max_size=4)
DISCLOSURES = symbols("Consent", "disclosure")
INT = st.integers(-(2**31), 2**31 - 1)

_FACTOR = st.fixed_dictionaries(
    {
        "factor": st.sampled_from(
            ["CREDIT_HISTORY", "BEHAVIOUR", "FULFILMENT", "IDENTITY", "SOCIAL"]
        ),
        "points": INT,
        "max_points": INT,
        "min_points": INT,
        "consented": st.booleans(),
    }
)


def _scored_or_thin(record: dict[str, Any]) -> dict[str, Any]:
    if record["status"] == "THIN_FILE":
        record["score"] = record["band"] = None
    return record


SHARED: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "Score": st.fixed_dictionaries(
        {
            "user_id": TEXT,
            "status": symbols("Score", "status"),
            "score": SCORES,
            "band": BANDS,
            "base_score": nullable(SCORES),
            "probability_of_default": nullable(st.floats(0, 1)),
            "factors": st.lists(_FACTOR, max_size=6),
            "reasons": REASONS,
            "missing": st.lists(TEXT, max_size=2),
            "model": st.sampled_from(["default@1", "default@2"]) | TEXT,
            "as_of": AS_OF,
            "computed_at": st.integers(-(2**63), 2**63 - 1),
            "sequence": st.integers(0, 2**63 - 1),
        }
    ).map(_scored_or_thin),
    "PartnerScore": st.fixed_dictionaries(
        {
            "subject": TEXT,
            "partner_id": TEXT,
            "purpose": TEXT,
            "disclosure": DISCLOSURES,
            "admitted": symbols("PartnerScore", "admitted"),
            "band": nullable(BANDS),
            "score": nullable(SCORES),
            "threshold": SCORES,
            "reasons": REASONS,
            "model": TEXT,
            "as_of": AS_OF,
            "grant_expires_at": nullable(AS_OF),
            "sequence": st.integers(0, 2**32 - 1),
        }
    ),
    "Disclosed": st.fixed_dictionaries(
        {
            "event_id": EVENT_ID,
            "user_id": TEXT,
            "occurred_at": OCCURRED,
            "partner_id": TEXT,
            "purpose": TEXT,
            "subject": TEXT,
            "kind": symbols("Disclosed", "kind"),
            "cause": symbols("Disclosed", "cause"),
            "disclosure": nullable(DISCLOSURES),
            "admitted": nullable(symbols("PartnerScore", "admitted")),
            "band": nullable(BANDS),
            "score": nullable(SCORES),
            "threshold": nullable(SCORES),
            "reasons": REASONS,
            "sequence": nullable(st.integers(0, 2**32 - 1)),
        }
    ),
}

_OUTCOME = st.fixed_dictionaries(
    {
        "event_id": EVENT_ID,
        "subject": TEXT,
        "occurred_at": OCCURRED,
        "contract_id": TEXT,
        "kind": symbols("PartnerOutcome", "kind"),
        "status": symbols("PartnerOutcome", "status"),
        "amount_minor": nullable(AMOUNT),
        "due_at": nullable(GIVEN),
        "evidence": nullable(TEXT),
    }
)


def _evident(record: dict[str, Any]) -> dict[str, Any]:
    if record["status"] == "BREACHED":
        record["evidence"] = record["evidence"] or "receipt"
    return record


REPORTED: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "PartnerOutcome": _OUTCOME.map(_evident),
    "PartnerEnquiry": st.fixed_dictionaries(
        {"event_id": EVENT_ID, "subject": TEXT, "occurred_at": OCCURRED, "purpose": TEXT}
    ),
}
