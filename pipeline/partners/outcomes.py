"""Outcomes of contracts as records: their ids, their fields, the rules they have to keep."""

import hashlib
import json
from dataclasses import replace
from typing import Any

from pipeline.codec.encode import encode_records
from pipeline.codec.partner_reads import decode_outcomes
from pipeline.codec.registry import FileRegistry
from pipeline.errors import RefusedError
from pipeline.partners.records import OutcomeReport
from pipeline.topics import DAY_MS, partner_outcomes

AHEAD_MS_MAX = DAY_MS
"""How far an outcome may be ahead of the clock; the gateway refuses more."""
_ID_BYTES = 16


class RefusedOutcomeError(RefusedError):
    """The report breaks a rule of the contract: the gateway would refuse it."""


def identified(report: OutcomeReport, partner_id: str) -> OutcomeReport:
    """The report under an event id: its own, or one that a repeat of it would get too."""
    if report.event_id is not None:
        return report
    named = [partner_id, report.contract_id, report.status, report.occurred_at_ms]
    digest = hashlib.blake2b(json.dumps(named).encode(), digest_size=_ID_BYTES)
    return replace(report, event_id=digest.hexdigest())


def outcome_fields(report: OutcomeReport) -> dict[str, Any]:
    """The fields of its PartnerOutcome record."""
    return {
        "event_id": report.event_id,
        "subject": report.subject,
        "occurred_at": report.occurred_at_ms,
        "contract_id": report.contract_id,
        "kind": str(report.kind),
        "status": str(report.status),
        "amount_minor": report.amount_minor,
        "due_at": report.due_at_ms,
        "evidence": report.evidence,
    }


def check_outcome(report: OutcomeReport, partner_id: str, now_ms: int) -> None:
    """Hold a report to the rules the gateway holds it to.

    Raises:
        RefusedOutcomeError: It breaks one.
    """
    if report.occurred_at_ms > now_ms + AHEAD_MS_MAX:
        raise RefusedOutcomeError("no outcome: occurred_at_ms is more than a day ahead")
    topic, registry = partner_outcomes(partner_id), FileRegistry()
    try:
        values = encode_records(topic.subject, [outcome_fields(report)], registry)
    except (TypeError, ValueError) as error:
        raise RefusedOutcomeError(f"no outcome: {error}") from error
    reads = decode_outcomes(topic, [report.subject.encode()], values, registry)
    if reads.poison:
        raise RefusedOutcomeError(f"no outcome: {reads.poison[0].error}")
