"""However consents, scores and time interleave, partners see what a naive model shows."""

import random
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.property.gateway.histories import (
    PAIRS,
    PEOPLE,
    Step,
    begin,
    consents,
    ending,
    erasures,
    live,
    produce,
    scores,
    unending,
)
from tests.property.gateway.naive import RANKS, Person
from tests.unit.gateway.logs import band_of
from tests.unit.gateway.world import BOTH, DAY_MS, START_MS, World

CHANCE = st.randoms(use_true_random=False)
Seen = dict[tuple[str, str, str], dict[str, Any]]


def naive(steps: Sequence[Step], now_ms: int) -> Seen:
    """What partners see, from the definitions."""
    people = {user: Person() for user in PEOPLE}
    for step in steps:
        people[step.user].take(step)
    seen: Seen = {}
    for user, person in people.items():
        for pair in PAIRS:
            granted = person.granted(pair, now_ms)
            points = person.score.given["points"] if person.score else None
            if granted is not None and points is not None:
                seen[user, *pair] = shown(pair, points, *granted)
    return seen


def shown(pair: tuple[str, str], points: int, granted: str, until: int | None) -> dict[str, Any]:
    threshold = BOTH.policy(pair[0], pair[1]).threshold
    most = {"bikes": "BAND", "loans": "SCORE"}[pair[0]]
    disclosure = min(granted, most, key=RANKS.index)
    admitted = points >= threshold
    return {
        "partner_id": pair[0],
        "purpose": pair[1],
        "disclosure": disclosure,
        "admitted": "YES" if admitted else "NO",
        "band": band_of(points) if disclosure != "ADMIT" else None,
        "score": points if disclosure == "SCORE" else None,
        "threshold": threshold,
        "reasons": [] if admitted else ["LATE_PAYMENTS", "SHORT_HISTORY"],
        "model": "default@1",
        "as_of": (START_MS - 8) // DAY_MS * DAY_MS,
        "grant_expires_at": until and -(-until // DAY_MS) * DAY_MS,
    }


def seen_by_partners(world: World) -> Seen:
    subjects = {world.keyring.subject(u, *pair): (u, *pair) for u in PEOPLE for pair in PAIRS}
    seen = {}
    for partner in ("bikes", "loans"):
        for subject, record in world.view(partner).items():
            assert record.pop("subject") == subject
            assert record.pop("sequence") > 0
            seen[subjects[subject]] = record
    return seen


@given(
    st.lists(consents | scores | erasures | unending, min_size=4, max_size=20),
    st.integers(0, 15),
    CHANCE,
)
def test_any_order_of_arrival_shows_what_a_naive_model_shows(
    steps: list[Step], passed_ms: int, chance: random.Random
) -> None:
    is_score = ("score", "erase")
    decided = [step for step in steps if step.what not in is_score]
    shuffled = iter(chance.sample(decided, len(decided)))
    arriving = [step if step.what in is_score else next(shuffled) for step in steps]

    world = live(begin(), arriving, passed_ms, chance)

    assert seen_by_partners(world) == naive(arriving, world.now_ms)


@given(
    st.lists(consents | scores | erasures | ending, min_size=4, max_size=20),
    st.integers(0, 15),
    CHANCE,
)
def test_enrolments_that_end_show_what_a_naive_model_shows(
    steps: list[Step], passed_ms: int, chance: random.Random
) -> None:
    world = live(begin(), steps, passed_ms, chance)

    assert seen_by_partners(world) == naive(steps, world.now_ms)


@given(
    st.lists(consents | scores | erasures | ending, min_size=4, max_size=20),
    st.lists(st.integers(1, 5), min_size=1),
)
def test_batches_cut_anywhere_show_the_same_in_the_end(steps: list[Step], cuts: list[int]) -> None:
    whole, pieces = begin(), begin()
    for world in (whole, pieces):
        for step in steps:
            produce(world, step)
    pieces.run(cuts)

    assert seen_by_partners(pieces) == seen_by_partners(whole.run())


@given(
    st.lists(consents | scores | ending, min_size=4, max_size=20),
    st.integers(0, 10),
    CHANCE,
)
def test_who_leaves_is_shown_to_nobody_whatever_came_before(
    steps: list[Step], passed_ms: int, chance: random.Random
) -> None:
    leaving = Step("leave", "ann", (("occurred_at", START_MS),))
    steps.insert(chance.randint(0, len(steps)), leaving)

    world = live(begin(), steps, passed_ms, chance)

    assert not [user for user, *_ in seen_by_partners(world) if user == "ann"]
