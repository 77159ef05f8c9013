"""Any reports of partners, good and bad, as fastavro wrote them one by one."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import topics
from pipeline.codec import catalog
from pipeline.codec.partner_reads import decode_enquiries, decode_outcomes, decode_partner_score
from pipeline.codec.reasons import Reason
from pipeline.codec.registry import FileRegistry
from pipeline.codec.translate import DecodeError
from tests.property.codec.records import framed
from tests.property.codec.shared import REPORTED

REGISTRY = FileRegistry()
KINDS = {
    "PartnerOutcome": (topics.partner_outcomes("car-rental"), decode_outcomes),
    "PartnerEnquiry": (topics.partner_enquiries("car-rental"), decode_enquiries),
}
POISON = {
    "no value": Reason.WIRE_FORMAT,
    "unknown id": Reason.UNKNOWN_SCHEMA,
    "another record": Reason.DECODE,
    "cut": Reason.DECODE,
    "longer": Reason.DECODE,
    "not UTF-8": Reason.DECODE,
    "nobody": Reason.INVALID,
    "long subject": Reason.INVALID,
    "too old": Reason.INVALID,
    "other key": Reason.KEY_MISMATCH,
    "no key": Reason.KEY_MISMATCH,
}
HOW = st.sampled_from(["good", "good", "good", *POISON])


def spoil(record: str, fields: dict[str, Any], how: str) -> tuple[bytes | None, bytes | None]:
    """Key and value of a report, good or spoilt one way."""
    key, value = fields["subject"].encode(), framed(record, fields)
    text = len(fields["event_id"].encode())
    body_at = 5 + (1 if text < 64 else 2) + text
    values = {
        "no value": None,
        "unknown id": b"\0\0\0\x27\x0f" + value[5:],
        "another record": b"\0\0\0\0\x08" + value[5:],
        "cut": value[:-1],
        "longer": value + b"\0",
        "not UTF-8": value[:5] + b"\x04\xc3\x28" + value[body_at:],
        "nobody": framed(record, fields | {"subject": ""}),
        "long subject": framed(record, fields | {"subject": "é" * 129}),
        "too old": framed(record, fields | {"occurred_at": 0}),
    }
    keys = {
        "other key": key + b"x",
        "no key": None,
        "nobody": b"",
        "long subject": ("é" * 129).encode(),
    }
    return keys.get(how, key), values.get(how, value)


@pytest.mark.parametrize("record", sorted(KINDS))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_the_good_reports_are_read_as_written_and_the_others_named(
    record: str, data: st.DataObject
) -> None:
    topic, decode = KINDS[record]
    drawn = data.draw(st.lists(st.tuples(REPORTED[record], HOW), max_size=16))
    spoilt = [spoil(record, fields, how) for fields, how in drawn]
    read = decode(topic, [k for k, _ in spoilt], [v for _, v in spoilt], REGISTRY)
    good = [at for at, (_, how) in enumerate(drawn) if how == "good"]
    assert read.kept.tolist() == good
    assert read.rows == [drawn[at][0] for at in good]
    named = [(at, POISON[how]) for at, (_, how) in enumerate(drawn) if how != "good"]
    assert [(p.index, p.reason) for p in read.poison] == named


@given(body=st.binary(max_size=120))
@settings(max_examples=300, deadline=None)
def test_bytes_that_are_no_partner_score_are_refused(body: bytes) -> None:
    value = b"\0" + catalog.current("PartnerScore").id.to_bytes(4, "big") + body
    try:
        fields = decode_partner_score(value, REGISTRY)
    except DecodeError:
        return
    assert framed("PartnerScore", fields) == value
