"""State rebuilt from changelog and scores is the live one, and goes on as the live one does."""

import random
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline import topics
from pipeline.codec.encode import decode_record
from pipeline.gateway.state import GatewayState
from tests.property.gateway.histories import Step, all_steps, begin, live
from tests.unit.gateway.world import AVRO, World

CHANCE = st.randoms(use_true_random=False)


def content(state: GatewayState) -> dict[str, Any]:
    """What a state holds, by names in place of slots and codes."""
    grants, people = state.grants, state.people
    taken = grants.taken(0, grants.slots_end).tolist()
    users = {user: slot for slot, user in enumerate(people.user_at) if user is not None}
    scores = {user: people.scores[slot] for user, slot in users.items()}
    return {
        "grants": {grants.keys[slot]: grants.rows[slot].tobytes() for slot in taken},
        "contracts": {grants.keys[slot]: known for slot, known in grants.contracts.items()},
        "aliases": {grants.keys[slot]: known for slot, known in grants.aliases.items()},
        "subjects": {name: grants.keys[slot] for name, slot in grants.subject_slots.items()},
        "due": {grants.keys[slot]: int(grants.due_ms[slot]) for slot in taken},
        "people": {u: (people.rows[s].tobytes(), int(people.due_ms[s])) for u, s in users.items()},
        "scores": {user: spelt(state, row) for user, row in scores.items()},
        "lists": {user: names_of(state, slot) for user, slot in users.items()},
    }


def spelt(state: GatewayState, row: np.void) -> tuple[object, ...]:
    texts = state.texts.texts(np.array([row["model"], *row["reasons"]]))
    return (
        *(int(row[name]) for name in ("status", "band", "score", "as_of_ms", "sequence")),
        *texts,
    )


def names_of(state: GatewayState, person: int) -> set[bytes | None]:
    return {state.grants.keys[slot] for slot in state.grants.of_people(np.array([person])).tolist()}


def written(world: World) -> dict[tuple[str, int], list[tuple[object, ...]]]:
    """All that the gateway wrote; the random names of disclosures left out."""
    found: dict[tuple[str, int], list[tuple[object, ...]]] = {}
    for (topic, partition), log in world.logs.items():
        for record in log:
            value: object = record.value
            if topic == topics.DISCLOSURES.name and record.value is not None:
                value = decode_record(record.value, AVRO) | {"event_id": ""}
            found.setdefault((topic, partition), []).append((record.key, value, record.headers))
    return found


def by_key(world: World) -> dict[tuple[object, ...], list[tuple[object, ...]]]:
    """What the gateway wrote under each key, in order; within a batch keys have no order."""
    found: dict[tuple[object, ...], list[tuple[object, ...]]] = {}
    for place, log in written(world).items():
        for key, *rest in log:
            found.setdefault((*place, key), []).append(tuple(rest))
    return found


@given(st.lists(all_steps, min_size=4, max_size=25), st.integers(0, 15), CHANCE)
def test_a_rebuilt_state_is_the_live_one(
    steps: list[Step], passed_ms: int, chance: random.Random
) -> None:
    world = live(begin(), steps, passed_ms, chance).reload()
    before = [content(lane.state) for lane in world.lanes]
    nothing_new = written(world)

    world.restore().reload()

    assert [content(lane.state) for lane in world.lanes] == before
    ours = topics.GATEWAY_CHANGELOG.name
    positions = {name: log[-1:] for name, log in written(world).items() if name[0] == ours}
    for name, log in written(world).items():
        assert log[: len(nothing_new[name])] == nothing_new[name]
        assert log[len(nothing_new[name]) :] == positions.get(name, [])


@given(
    st.lists(all_steps, min_size=4, max_size=20),
    st.lists(all_steps, min_size=1, max_size=15),
    st.integers(0, 10),
    CHANCE,
)
def test_a_rebuilt_gateway_goes_on_as_the_live_one(
    steps: list[Step], more: list[Step], passed_ms: int, chance: random.Random
) -> None:
    seed, later = chance.random(), chance.random()
    lived, rebuilt = (
        live(begin(), steps, passed_ms, random.Random(seed)).reload() for _ in range(2)
    )
    rebuilt.restore()
    for world in (lived, rebuilt):
        live(world.reload(), more, passed_ms, random.Random(later))

    assert by_key(rebuilt) == by_key(lived)
