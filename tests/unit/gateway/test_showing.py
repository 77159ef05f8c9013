from collections.abc import Callable
from typing import Any

import pytest
from kafka.partitioner.default import murmur2

from pipeline import topics
from tests.unit.gateway.world import DAY_MS, START_MS, World, registry

BIKES = topics.partner_scores("bikes")
AT = START_MS - 1_000


@pytest.fixture
def world() -> World:
    return World()


def granted(world: World, points: int | None = 660, **fields: Any) -> World:
    return world.consent("ann", AT).grant("ann", AT + 1, **fields).score("ann", points).run()


def test_a_granted_score_is_shown_with_what_was_granted_and_no_more(world: World) -> None:
    seen = granted(world, 640).seen("ann") or {}

    assert (seen["admitted"], seen["band"], seen["score"]) == ("YES", "GOOD", None)
    assert (seen["threshold"], seen["reasons"], seen["sequence"]) == (600, [], 1)


def test_a_grant_after_the_score_is_served_at_once(world: World) -> None:
    world.score("ann", 660).run().grant("ann", AT).run()

    assert world.seen("ann") is not None


def test_reasons_are_shown_where_a_score_is_not_admitted(world: World) -> None:
    seen = granted(world, 599).seen("ann") or {}

    assert (seen["admitted"], seen["reasons"]) == ("NO", ["LATE_PAYMENTS", "SHORT_HISTORY"])


def test_a_score_that_looks_the_same_is_not_shown_again(world: World) -> None:
    granted(world, 660, disclosure="ADMIT").score("ann", 700, as_of=AT).run()

    assert len(world.records(BIKES)) == 1


def test_the_time_of_a_score_is_told_to_the_day(world: World) -> None:
    world.consent("ann", AT).grant("ann", AT).score("ann", 660, as_of=AT).run()

    assert (world.seen("ann") or {})["as_of"] == AT // DAY_MS * DAY_MS


@pytest.mark.parametrize(
    "end",
    [
        lambda world: world.withdraw("ann", AT + 2).run(),
        lambda world: world.withdraw("ann", AT + 2, purpose=None).run(),
        lambda world: world.consent("ann", AT + 2, action="WITHDRAW").run(),
        lambda world: world.erase("ann").run(),
        lambda world: world.score("ann", None).run(),
        lambda world: world.reload(registry(loans={"MICROLOAN": 650})),
        lambda world: world.reload(registry(bikes={"HOTEL_DEPOSIT": 650})),
        lambda world: world.grant("ann", AT + 2, expires_at=START_MS + 5).run().pass_ms(5),
        lambda world: world.consent("ann", AT + 2, expires_at=START_MS + 5).run().pass_ms(5),
    ],
    ids=[
        "withdrawal",
        "withdrawal from all",
        "leaving",
        "erasure",
        "thin file",
        "partner gone",
        "purpose gone",
        "expiry",
        "enrolment over",
    ],
)
def test_whatever_ends_it_the_topic_looks_as_if_there_never_was_anybody(
    world: World, end: Callable[[World], World]
) -> None:
    subject = world.subject("ann")

    end(granted(world))

    assert world.view() == {}
    last = world.records(BIKES)[-1]
    assert (last.key, last.value) == (subject.encode(), None)


@pytest.mark.parametrize("points", [None, 660])
def test_who_has_no_grant_or_no_score_leaves_no_trace_at_the_partner(
    world: World, points: int | None
) -> None:
    world.consent("ann", AT).score("ann", points).grant("ben", AT)
    world.consent("cara", AT).grant("cara", AT + 1).withdraw("cara", AT + 2).score("cara", 660)
    world.consent("dan", AT).grant("dan", AT + 1).score("dan", None)

    assert world.run().records(BIKES) == []


def test_a_grant_ends_by_the_clock_alone(world: World) -> None:
    granted(world, expires_at=START_MS + 60_000)

    assert world.pass_ms(59_999).seen("ann") is not None
    assert world.pass_ms(1).seen("ann") is None
    assert world.told("ann")[-1] == ("ENDED", "EXPIRY")


def test_a_grant_ends_by_event_time_ahead_of_the_clock(world: World) -> None:
    granted(world, expires_at=START_MS + 60_000)

    world.score("ben", 600, as_of=START_MS + 60_000).run()

    assert world.seen("ann") is None


def test_a_renewed_enrolment_that_is_read_late_brings_grants_back(world: World) -> None:
    # As when a backlog of years is read: by the clock the first enrolment is long over.
    world.consent("ann", AT, expires_at=AT + 100).grant("ann", AT + 1).score("ann", 660).run()
    assert world.seen("ann") is None

    assert world.consent("ann", AT + 50).run().seen("ann") is not None


def test_after_a_new_enrolment_the_person_decides_anew(world: World) -> None:
    granted(world).consent("ann", AT + 2, action="WITHDRAW").consent("ann", AT + 3).erase("ann")

    assert world.score("ann", 670).run().seen("ann") is None
    assert world.grant("ann", AT + 4).run().seen("ann") is not None


def test_leaving_erases_all_that_is_kept_of_a_persons_grants(world: World) -> None:
    granted(world).consent("ann", AT + 2, action="WITHDRAW").erase("ann").run()
    (lane,) = world.lanes
    assert len(lane.state.grants) == 0

    world.pass_ms(7 * DAY_MS)

    assert len(lane.state.people) == 0
    keys = {record.key: record.value for record in world.records(topics.GATEWAY_CHANGELOG)}
    assert [key for key, value in keys.items() if value is not None] == [b"p"]


def test_a_partner_that_is_registered_later_is_shown_what_was_granted_before(
    world: World,
) -> None:
    world.score("ann", 660).grant("ann", AT, "cafes").run()
    assert not world.records(topics.partner_scores("cafes"))

    world.reload(registry(cafes={"BIKE_DEPOSIT": 500}))

    subject = world.keyring.subject("ann", "cafes", "BIKE_DEPOSIT")
    assert world.view("cafes")[subject]["threshold"] == 500
    assert world.told("ann") == [("SHOWN", "REGISTRY")]


def test_a_narrower_registry_narrows_what_is_shown_already(world: World) -> None:
    granted(world)

    world.reload(registry(bikes={"BIKE_DEPOSIT": 600, "disclosure": "ADMIT"}))

    seen = world.seen("ann") or {}
    assert (seen["disclosure"], seen["band"], seen["sequence"]) == ("ADMIT", None, 2)


def test_what_can_never_be_registered_is_not_kept(world: World) -> None:
    world.grant("ann", AT, "No Such Partner").grant("ann", AT, purpose="STATE_ACCESS").run()

    assert len(world.lanes[0].state.grants) == 0
    assert len(world.lanes[0].state.people) == 0


def test_nobody_decides_about_more_than_sixty_four_partners(world: World) -> None:
    for number in range(70):
        world.grant("ann", AT, f"partner-{number}")

    world.run()

    assert len(world.lanes[0].state.grants) == 64
    assert world.counts[-1].consents_beyond_limit == 6
    assert len(world.lanes[0].state.grants.partner_ids) == 64


def test_records_lie_where_their_subjects_hash_to_and_not_where_people_live() -> None:
    world = World(partitions=8)
    for number in range(40):
        world.grant(f"p{number}", AT).score(f"p{number}", 660)
    world.run()

    for number in range(8):
        for record in world.logs[BIKES.name, number]:
            assert murmur2(record.key) % 2**31 % 8 == number
    assert len(world.records(BIKES)) == 40


def test_a_score_that_does_not_decode_is_refused_and_shows_nothing(world: World) -> None:
    granted(world).produce(topics.SCORES, "ann", b"?").score("ben", 660).run()

    assert world.seen("ann") is None
    assert [reason for reason, _ in world.refusals()] == ["WIRE_FORMAT"]
    assert world.score("ann", 660).run().seen("ann") is not None


def test_many_grants_that_end_at_once_all_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.gateway.step._DUE_GRANTS_MAX", 3)
    monkeypatch.setattr("pipeline.gateway.enrolment._PEOPLE_MAX", 3)
    for number in range(10):
        world.consent(f"p{number}", AT, expires_at=START_MS + 9).grant(f"p{number}", AT)
        world.grant(f"q{number}", AT, expires_at=START_MS + 9)
        world.score(f"p{number}", 660).score(f"q{number}", 660)
    assert len(world.run().view()) == 20

    assert world.pass_ms(9).view() == {}
