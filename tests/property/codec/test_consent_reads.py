"""Any consents, good and bad, against fastavro and the contract's rules one by one."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.codec.consent_reads import NO_DISCLOSURE, decode_consents
from pipeline.codec.registry import FileRegistry
from pipeline.factors.layout import NO_TIME
from pipeline.factors.vocabulary import Scope
from tests.property.codec.records import DAY_MS, RECORDS, framed

REGISTRY = FileRegistry()
DISCLOSURES = ("ADMIT", "BAND", "SCORE")
SOME = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
AHEAD_MS = st.integers(-DAY_MS, 2 * DAY_MS)
SPOILT = st.sampled_from(["good", "good", "good", "key", "cut", "longer", "none", "empty"])


def spoil(fields: dict[str, Any], how: str) -> tuple[bytes | None, bytes | None]:
    """Key and value of a consent, good or spoilt one way."""
    key, value = fields["user_id"].encode(), framed("Consent", fields)
    if how == "empty":
        return b"", framed("Consent", fields | {"user_id": ""})
    values = {"cut": value[:-1], "longer": value + b"\0", "none": None}
    return key + b"x" if how == "key" else key, values.get(how, value)


@SOME
@given(drawn=st.lists(st.tuples(RECORDS["Consent"], AHEAD_MS, SPOILT), max_size=20))
def test_the_good_consents_are_read_as_written_and_the_others_counted(
    drawn: list[tuple[dict[str, Any], int, str]],
) -> None:
    spoilt = [spoil(fields, how) for fields, _, how in drawn]
    times = [fields["occurred_at"] - ahead for fields, ahead, _ in drawn]
    read = decode_consents([k for k, _ in spoilt], [v for _, v in spoilt], times, REGISTRY)
    good = [at for at, (_, ahead, how) in enumerate(drawn) if how == "good" and ahead <= DAY_MS]
    written = [drawn[at][0] for at in good]
    assert read.kept.tolist() == good
    assert read.refused == len(drawn) - len(good)
    assert read.users == [fields["user_id"] for fields in written]
    assert read.occurred_at_ms.tolist() == [fields["occurred_at"] for fields in written]
    assert read.grant.tolist() == [fields["action"] == "GRANT" for fields in written]
    assert [Scope(code).name for code in read.scope] == [fields["scope"] for fields in written]
    n = range(len(written))
    assert [read.partners[at] for at in n] == [fields["partner_id"] for fields in written]
    assert [read.purposes[at] for at in n] == [fields["purpose"] for fields in written]
    shown = [None if code == NO_DISCLOSURE else DISCLOSURES[code] for code in read.disclosure]
    assert shown == [fields["disclosure"] for fields in written]
    ends = [None if at_ms == NO_TIME else at_ms for at_ms in read.expires_at_ms.tolist()]
    assert ends == [fields["expires_at"] for fields in written]
