"""How what is shown lies in partners' topics, and what of that two partners could compare."""

import random

from pipeline import topics
from tests.unit.gateway.world import DAY_MS, SECRET, START_MS, World

AT = START_MS - 1_000
NEW_SECRET = "n" * 32
PEOPLE = [f"person-{number}" for number in range(60)]
random.Random(3).shuffle(PEOPLE)


def burst() -> World:
    """A world in which a rotation of the key shows everybody anew, in one transaction."""
    world = World()
    for user in PEOPLE:
        world.consent(user, AT).grant(user, AT).grant(user, AT, partner="loans").score(user, 660)
    return world.run().reload(secrets=[NEW_SECRET, SECRET])


def keys_shown(world: World, partner: str) -> list[bytes]:
    records = world.records(topics.partner_scores(partner))
    return [record.key or b"" for record in records if record.value is not None]


def test_the_order_of_a_bursts_records_is_that_of_subjects_not_of_people() -> None:
    world = burst()
    for partner in ("bikes", "loans"):
        newest = keys_shown(world, partner)[-len(PEOPLE) :]

        assert set(newest) == {world.subject(user, partner).encode() for user in PEOPLE}
        assert newest == sorted(newest)


def test_the_kafka_timestamp_of_what_is_shown_tells_the_day_only() -> None:
    world = burst()
    for partner in ("bikes", "loans"):
        times = {record.timestamp for record in world.records(topics.partner_scores(partner))}

        assert times == {START_MS // DAY_MS * DAY_MS}
    assert {record.timestamp for record in world.records(topics.DISCLOSURES)} == {START_MS}
