"""Whatever happens, no partner is ever written more than was granted and registered."""

import random
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline import topics
from pipeline.codec.encode import decode_record
from tests.property.gateway.histories import OTHERS, PAIRS, PEOPLE, Step, all_steps, begin, live
from tests.property.gateway.naive import RANKS
from tests.unit.gateway.world import AVRO, BOTH, World

CHANCE = st.randoms(use_true_random=False)
STEPS = st.lists(all_steps, min_size=4, max_size=25)
EVERYBODY = ("bikes", "loans", "later")


def shown(world: World) -> Iterator[dict[str, Any]]:
    """Every record that any partner was ever written."""
    for partner in EVERYBODY:
        yield from world.values(topics.partner_scores(partner))


def most(partner: str, purpose: str) -> int:
    """The largest disclosure any registry of these tests allows."""
    found = [
        (entry.disclosure.rank if terms.disclosure is None else terms.disclosure.rank)
        for registry in (BOTH, OTHERS)
        for name, entry in registry.partners.items()
        for one, terms in entry.purposes.items()
        if (name, str(one)) == (partner, purpose)
    ]
    return max(found, default=-1)


def owners(world: World) -> dict[str, tuple[str, str, str]]:
    """Who each subject is, with any key that ever was."""
    pairs = [*PAIRS, ("later", "BIKE_DEPOSIT")]
    keys = (world.keyring.current, *world.keyring.former)
    return {
        key.subjects([user], *pair)[0].decode(): (user, *pair)
        for key in keys
        for user in PEOPLE
        for pair in pairs
    }


@given(STEPS, st.integers(0, 15), CHANCE)
def test_no_record_holds_more_than_was_granted_and_is_allowed(
    steps: list[Step], passed_ms: int, chance: random.Random
) -> None:
    world = live(begin(), steps, passed_ms, chance)

    whose = owners(world)
    for record in shown(world):
        user, *pair = whose[record["subject"]]
        assert [record["partner_id"], record["purpose"]] == pair
        rank = RANKS.index(record["disclosure"])
        grants = [s.given for s in steps if s.what == "grant" and s.user == user]
        granted = [RANKS.index(g["disclosure"]) for g in grants if [*g["pair"]] == pair]
        assert rank <= min(max(granted, default=-1), most(*pair))
        assert (record["band"] is not None) == (rank >= 1)
        assert (record["score"] is not None) == (rank == 2)
        assert bool(record["reasons"]) == (record["admitted"] == "NO")


@given(STEPS, st.integers(0, 15), CHANCE)
def test_everything_that_partners_are_written_the_person_is_told(
    steps: list[Step], passed_ms: int, chance: random.Random
) -> None:
    world = live(begin(), steps, passed_ms, chance)

    told = world.values(topics.DISCLOSURES)
    whose = owners(world)
    common = ("partner_id", "purpose", "disclosure", "admitted", "band", "score", "threshold")
    compared = (*common, "reasons", "sequence", "subject")
    sent = sorted(
        [str((whose[r["subject"]][0], *(r[name] for name in compared))) for r in shown(world)]
    )
    known = [r for r in told if r["kind"] == "SHOWN"]
    assert sorted(str((r["user_id"], *(r[name] for name in compared))) for r in known) == sent
    taken_back = [
        record.key.decode()
        for partner in EVERYBODY
        for record in world.records(topics.partner_scores(partner))
        if record.key is not None and record.value is None
    ]
    assert sorted(r["subject"] for r in told if r["kind"] == "ENDED") == sorted(taken_back)


@given(STEPS, st.integers(0, 15), CHANCE)
def test_a_subject_is_of_one_partner_and_its_sequence_only_goes_up_until_it_ends(
    steps: list[Step], passed_ms: int, chance: random.Random
) -> None:
    world = live(begin(), steps, passed_ms, chance)

    seen: dict[bytes, str] = {}
    last: dict[bytes, int] = {}
    for partner in EVERYBODY:
        for record in world.records(topics.partner_scores(partner)):
            assert record.key is not None
            assert seen.setdefault(record.key, partner) == partner
            # An end says nothing where there was nothing to end.
            assert record.value is not None or record.key in last
            if record.value is None:
                del last[record.key]
            else:
                sequence = decode_record(record.value, AVRO)["sequence"]
                assert sequence > last.get(record.key, 0)
                last[record.key] = sequence


@given(STEPS, CHANCE)
def test_outcomes_come_back_only_to_people_who_granted(
    steps: list[Step], chance: random.Random
) -> None:
    world = live(begin(), steps, 0, chance)

    for obligation in world.values(topics.OBLIGATIONS):
        granted = {
            step.given["pair"][0]
            for step in steps
            if step.what == "grant" and step.user == obligation["user_id"]
        }
        assert obligation["partner_id"] in granted
    taken = len(world.values(topics.OBLIGATIONS)) + len(world.records(topics.DEAD_LETTERS))
    asked = sum(counts.records["enquiries", "applied"] for counts in world.counts)
    reported = [s.given.get("times", 1) for s in steps if s.what in ("outcome", "enquire")]
    assert taken + asked == sum(reported)
