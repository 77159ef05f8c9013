from typing import Any

import pytest

from pipeline import topics
from pipeline.codec.encode import encode_records
from pipeline.codec.registry import FileRegistry
from pipeline.erasure.ledger import (
    grants_anything,
    last_withdrawals,
    withdrawn_at_ms,
    words,
)
from pipeline.erasure.trace import Kept, Trace
from pipeline.topics import DAY_MS

REGISTRY = FileRegistry()
AT_MS = 1_800_000_000_000


def said(action: str, scope: str = "SCORING", at_ms: int = AT_MS, **changes: Any) -> bytes:
    fields = {
        "event_id": "e",
        "user_id": "ann",
        "occurred_at": at_ms,
        "action": action,
        "scope": scope,
        "notice_version": "1",
    }
    (value,) = encode_records(topics.CONSENTS.subject, [fields | changes], REGISTRY)
    return value


def ledger(*values: bytes) -> list[tuple[int, Trace]]:
    trace = Trace("Consent", b"ann", b"ann")
    trace.kept = [Kept(offset, AT_MS, value) for offset, value in enumerate(values, 5)]
    return [(1, trace)]


def test_the_newest_withdrawal_of_scoring_is_what_ended_it() -> None:
    read = words(
        ledger(
            said("WITHDRAW", at_ms=AT_MS - 9),
            said("GRANT"),
            said("WITHDRAW"),
            said("WITHDRAW", "SOCIAL"),
        ),
        REGISTRY,
    )
    (withdrawal,) = last_withdrawals(read)
    assert (withdrawal.partition, withdrawal.offset, withdrawal.occurred_at) == (1, 7, AT_MS)


def test_somebody_who_never_withdrew_has_none() -> None:
    assert last_withdrawals(words(ledger(said("GRANT")), REGISTRY)) == ()


def test_a_withdrawal_is_no_earlier_than_any_consent_that_counts() -> None:
    ahead = AT_MS + DAY_MS // 2
    read = words(ledger(said("GRANT", "PARTNER", ahead), said("GRANT")), REGISTRY)
    assert withdrawn_at_ms(read, AT_MS) == ahead
    assert withdrawn_at_ms(read, ahead + 1) == ahead + 1


@pytest.mark.parametrize(
    ("last", "stands"),
    [
        (said("GRANT", "PARTNER"), True),
        (said("WITHDRAW", "SOCIAL"), True),
        (said("WITHDRAW"), False),
    ],
)
def test_a_grant_of_anything_stands_until_scoring_is_withdrawn(last: bytes, stands: bool) -> None:
    assert grants_anything(words(ledger(said("GRANT", "BEHAVIOUR"), last), REGISTRY)) is stands


def test_what_the_pipeline_passes_over_does_not_count() -> None:
    too_far = said("GRANT", at_ms=AT_MS + DAY_MS + 1)
    assert words(ledger(too_far, b"", b"\0\0\0\0\1", b"nonsense"), REGISTRY) == []
