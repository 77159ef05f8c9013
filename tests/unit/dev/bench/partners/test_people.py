from collections import Counter

import pytest

from pipeline import topics
from pipeline.codec.encode import decode_record
from pipeline.codec.registry import FileRegistry
from pipeline.dev.bench.partners import people
from pipeline.dev.bench.partners.people import DISCLOSURES, EXPIRES_MS, People

REGISTRY = FileRegistry()
SOME = people.draw(10_050, seed=3)


def consents(some: People) -> list[dict[str, object]]:
    return [decode_record(sent.value or b"", REGISTRY) for sent in some.records(REGISTRY)]


def test_everybody_enrols_and_grants_two_partners_as_drawn() -> None:
    told = consents(SOME)
    assert len(told) == SOME.consents == 3 * len(SOME)
    assert [record["user_id"] for record in told[::3]] == SOME.users
    for number in (0, 1, 9_999, 10_000, 10_049):  # chunks have 10,000 people
        enrolment, *grants = told[3 * number : 3 * number + 3]
        assert {record["user_id"] for record in (enrolment, *grants)} == {SOME.users[number]}
        assert (enrolment["scope"], enrolment["partner_id"]) == ("SCORING", None)
        assert (enrolment["disclosure"], enrolment["expires_at"]) == (None, None)
        for record, drawn in zip(grants, SOME.grants, strict=True):
            assert record["scope"] == "PARTNER"
            assert (record["partner_id"], record["purpose"]) == (drawn.partner_id, drawn.purpose)
            assert record["disclosure"] == DISCLOSURES[drawn.disclosure[number]]
            assert record["expires_at"] == (EXPIRES_MS if drawn.expires[number] else None)
    assert {record["action"] for record in told} == {"GRANT"}
    assert len({record["event_id"] for record in told}) == len(told)


def test_records_are_keyed_by_the_person() -> None:
    for sent in people.draw(5, seed=1).records(REGISTRY):
        assert sent.topic is topics.CONSENTS
        assert sent.key == str(decode_record(sent.value or b"", REGISTRY)["user_id"]).encode()


@pytest.mark.parametrize("partner", [0, 1])
def test_disclosures_are_mixed_and_some_grants_end(partner: int) -> None:
    grants = SOME.grants[partner]
    counts = Counter(grants.disclosure.tolist())
    assert [round(counts[code] / len(SOME), 1) for code in range(3)] == [0.5, 0.3, 0.2]
    assert 0.25 < grants.expires.mean() < 0.35


def test_grants_to_two_partners_are_drawn_apart() -> None:
    one, other = SOME.grants
    assert 0.3 < (one.disclosure == other.disclosure).mean() < 0.5


def test_equal_arguments_give_the_same_bytes() -> None:
    one, again, other = (people.draw(50, seed=seed) for seed in (7, 7, 8))
    assert list(one.records(REGISTRY)) == list(again.records(REGISTRY))
    assert list(one.records(REGISTRY)) != list(other.records(REGISTRY))
