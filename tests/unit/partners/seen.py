"""PartnerScores of a made-up partner, as values and on the wire."""

from typing import Any

from pipeline.codec.encode import encode_records
from pipeline.codec.registry import FileRegistry
from pipeline.partners.records import PartnerScore
from pipeline.partners.vocabulary import Admitted, Disclosure

PARTNER = "car-rental"
TOPIC = f"partner.{PARTNER}.scores"
REGISTRY = FileRegistry()


def seen(subject: str, sequence: int = 1, **changes: Any) -> PartnerScore:
    fields: dict[str, Any] = {
        "subject": subject,
        "partner_id": PARTNER,
        "purpose": "CAR_RENTAL_DEPOSIT",
        "disclosure": Disclosure.BAND,
        "admitted": Admitted.YES,
        "band": "VERY_GOOD",
        "score": None,
        "threshold": 650,
        "reasons": (),
        "model": "default@1",
        "as_of_ms": 86_400_000,
        "grant_expires_at_ms": None,
        "sequence": sequence,
    }
    return PartnerScore(**(fields | changes))


def value(score: PartnerScore, **changes: Any) -> bytes:
    """The record's value as the gateway writes it; ``changes`` are of its fields."""
    fields = {
        "subject": score.subject,
        "partner_id": score.partner_id,
        "purpose": score.purpose,
        "disclosure": str(score.disclosure),
        "admitted": str(score.admitted),
        "band": score.band,
        "score": score.score,
        "threshold": score.threshold,
        "reasons": list(score.reasons),
        "model": score.model,
        "as_of": score.as_of_ms,
        "grant_expires_at": score.grant_expires_at_ms,
        "sequence": score.sequence,
    }
    (framed,) = encode_records(f"{TOPIC}-value", [fields | changes], REGISTRY)
    return framed
