"""What the oracle says of what partners were shown."""

from collections.abc import Callable

import pytest

from pipeline import topics
from pipeline.codec.encode import decode_record, encode_records
from pipeline.dev.chaos.evidence import Evidence
from pipeline.dev.chaos.partner_oracle import Sharing, compare_partners
from pipeline.dev.chaos.records import Record
from pipeline.dev.chaos.verdict import Verdict
from tests.unit.gateway.world import AVRO, BOTH, DAY_MS, START_MS, World

T0 = START_MS - 100 * DAY_MS
PARTNERS = ("bikes", "loans")


def evidence_of(world: World) -> Evidence:
    found = Evidence(world.partitions)
    for (name, partition), log in world.logs.items():
        records = [Record(partition, r.offset, r.timestamp, r.key, r.value) for r in log]
        if name == topics.CONSENTS.name:
            found.inputs[name, partition] = records
        elif name == topics.SCORES.name:
            found.scores += records
        for partner in PARTNERS:
            if name == topics.partner_scores(partner).name:
                found.partners.setdefault(partner, []).extend(records)
    return found


def judge(world: World, evidence: Evidence) -> Verdict:
    verdict = Verdict()
    compare_partners(evidence, Sharing(BOTH, world.keyring), AVRO, verdict)
    return verdict


@pytest.fixture
def world() -> World:
    """People who granted, withdrew, left, came back, have no score, or a low one."""
    world = World(partitions=2)
    for user, points in (("ann", 700), ("bob", 520), ("cat", None), ("dan", 660), ("eve", 640)):
        world.consent(user, T0).grant(user, T0 + 1).grant(user, T0 + 1, "loans")
        world.score(user, points)
    world.run()
    world.grant("ann", T0 + 2, disclosure="ADMIT").score("ann", 710).score("ann", 690)
    world.withdraw("bob", T0 + 2).withdraw("eve", T0 + 2, "loans", purpose=None)
    world.run()
    world.consent("dan", T0 + 3, action="WITHDRAW").erase("dan").run()
    world.consent("dan", T0 + 4).grant("dan", T0 + 4).score("dan", 610).run()
    world.grant("eve", T0 + 5, expires_at=START_MS + DAY_MS)
    return world.run()


@pytest.fixture
def evidence(world: World) -> Evidence:
    return evidence_of(world)


def test_nothing_is_found_where_partners_see_what_they_may(
    world: World, evidence: Evidence
) -> None:
    verdict = judge(world, evidence)

    assert verdict.findings == []
    assert verdict.holds
    # Four people whose grants have no end, for three purposes.
    assert verdict.records_compared == 12


def of(evidence: Evidence, partner: str, subject: str) -> list[int]:
    """Where a subject's records are among a partner's."""
    records = evidence.partners[partner]
    return [at for at, record in enumerate(records) if record.key == subject.encode()]


def with_fields(record: Record, **changes: object) -> Record:
    fields = decode_record(record.value or b"", AVRO) | changes
    (value,) = encode_records(topics.partner_scores("bikes").subject, [fields], AVRO)
    return record._replace(value=value)


def test_a_record_that_is_missing_is_found(world: World, evidence: Evidence) -> None:
    (at,) = of(evidence, "loans", world.subject("dan", "loans"))[-1:]
    evidence.partners["loans"].pop(at)  # the null that took it back
    (other,) = of(evidence, "bikes", world.subject("dan"))[-1:]
    evidence.partners["bikes"].pop(other)

    findings = judge(world, evidence).findings

    assert "record: record of dan at loans must be taken back" in findings
    assert "record: record of dan at bikes is missing" in findings


def test_a_record_that_is_repeated_is_found(world: World, evidence: Evidence) -> None:
    (at,) = of(evidence, "bikes", world.subject("ann"))[-1:]
    evidence.partners["bikes"].append(evidence.partners["bikes"][at])

    verdict = judge(world, evidence)

    # Its number is there already, and what it says stood there.
    assert verdict.doubled == 2
    assert not verdict.records_differing


def test_a_number_that_is_left_out_is_a_gap(world: World, evidence: Evidence) -> None:
    (at,) = of(evidence, "bikes", world.subject("ann"))[-1:]
    records = evidence.partners["bikes"]
    number = decode_record(records[at].value or b"", AVRO)["sequence"]
    records[at] = with_fields(records[at], sequence=number + 2)

    assert judge(world, evidence).gaps == 2


CHANGES = {
    "admitted": "NO",
    "band": "EXCELLENT",
    "score": 690,
    "threshold": 601,
    "disclosure": "BAND",
    "reasons": ["LATE_PAYMENTS"],
    "model": "other@1",
    "grant_expires_at": START_MS,
    "purpose": "HOTEL_DEPOSIT",
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_record_that_differs_in_one_field_is_found(
    world: World, evidence: Evidence, name: str
) -> None:
    (at,) = of(evidence, "bikes", world.subject("ann"))[-1:]
    records = evidence.partners["bikes"]
    records[at] = with_fields(records[at], **{name: CHANGES[name]})

    verdict = judge(world, evidence)

    assert verdict.records_differing
    assert any(f"record of ann at bikes: {name} is" in finding for finding in verdict.findings)


def test_a_record_of_before_that_was_never_true_is_found(world: World, evidence: Evidence) -> None:
    at = of(evidence, "loans", world.subject("ann", "loans"))[0]
    records = evidence.partners["loans"]
    records[at] = with_fields(records[at], score=699)

    findings = judge(world, evidence).findings

    assert len(findings) == 1
    assert "was never true" in findings[0]


def test_a_subject_whom_nobody_granted_is_found(world: World, evidence: Evidence) -> None:
    record = evidence.partners["bikes"][0]
    evidence.partners["bikes"].append(record._replace(key=b"stranger"))

    assert "stranger, who granted nothing" in judge(world, evidence).findings[0]


def test_a_null_where_nothing_stood_is_found(world: World, evidence: Evidence) -> None:
    for subject in (world.subject("bob"), world.subject("cat")):
        evidence.partners["bikes"].append(Record(0, 99, 0, subject.encode(), None))

    assert judge(world, evidence).doubled == 2


GRANTS: dict[str, Callable[[World], World]] = {
    "an older grant that comes late": lambda w: w.grant("ann", T0, disclosure="SCORE"),
    "a withdrawal at the same time": lambda w: w.withdraw("ann", T0 + 2),
    "a larger grant at the same time": lambda w: w.grant("ann", T0 + 2, disclosure="BAND"),
    "a withdrawal from all purposes": lambda w: w.withdraw("ann", T0 + 9, purpose=None),
    "an older leaving that comes late": lambda w: w.consent("ann", T0 - 9, action="WITHDRAW"),
    "an older leaving after a grant": lambda w: w.consent("dan", T0 + 3, action="WITHDRAW"),
    "a consent from the future": lambda w: w.withdraw("ann", START_MS + 2 * DAY_MS),
    "a purpose nobody has": lambda w: w.grant("ann", T0 + 9, purpose="BREAD"),
}


@pytest.mark.parametrize("name", GRANTS)
def test_the_oracle_and_the_gateway_agree_on(world: World, name: str) -> None:
    GRANTS[name](world).run()

    assert judge(world, evidence_of(world)).findings == []
