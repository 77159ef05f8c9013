import pytest

from pipeline import topics
from tests.unit.gateway.world import DAY_MS, START_MS, World, registry

AT = START_MS - 1_000
NEXT_DAY_MS = DAY_MS - START_MS % DAY_MS


def begin(**limits: object) -> World:
    world = World(limits={"enquiries_per_day_max": 2, "threshold_hold_days": 30.0} | limits)
    return world.consent("ann", AT).grant("ann", AT).score("ann", 660).run()


def asked(world: World, times: int) -> World:
    for _ in range(times):
        world.enquiry("bikes", world.subject("ann"))
    return world.run()


def frozen() -> World:
    return asked(begin(), 3)


def test_every_enquiry_is_told_to_the_person() -> None:
    world = asked(begin(), 2)

    assert world.told("ann") == [("SHOWN", "GRANT"), ("ASKED", "ENQUIRY"), ("ASKED", "ENQUIRY")]


def test_asked_too_often_is_told_once() -> None:
    world = asked(begin(), 5)

    assert [kind for kind, _ in world.told("ann")].count("FROZEN") == 1
    assert [kind for kind, _ in world.told("ann")].count("ASKED") == 3


def test_a_clock_that_steps_back_over_midnight_allows_no_more_enquiries() -> None:
    world = asked(begin().pass_ms(NEXT_DAY_MS), 2)

    world.now_ms -= 1
    assert [kind for kind, _ in asked(world, 1).told("ann")].count("FROZEN") == 1
    world.now_ms += 1

    assert asked(world, 1).told("ann")[-1] == ("FROZEN", "ENQUIRY")
    assert (world.score("ann", 500).run().seen("ann") or {})["admitted"] == "YES"
    assert (world.pass_ms(DAY_MS).seen("ann") or {})["admitted"] == "NO"


def test_who_was_asked_about_too_often_is_shown_no_news_until_the_day_is_over() -> None:
    world = frozen().score("ann", 500).run()
    assert (world.seen("ann") or {})["admitted"] == "YES"

    assert (world.pass_ms(NEXT_DAY_MS - 1).seen("ann") or {})["admitted"] == "YES"
    assert (world.pass_ms(1).seen("ann") or {})["admitted"] == "NO"
    assert world.told("ann")[-1] == ("SHOWN", "SCORE")


def test_a_thin_file_gets_through_a_freeze_as_every_end_does() -> None:
    world = frozen().score("ann", None).run()
    assert world.seen("ann") is None

    assert world.score("ann", 660).run().seen("ann") is None
    assert world.pass_ms(NEXT_DAY_MS).seen("ann") is not None


def test_nobody_elses_event_time_thaws() -> None:
    world = frozen().score("ann", 500).consent("eve", START_MS + NEXT_DAY_MS).run()
    assert (world.seen("ann") or {})["admitted"] == "YES"

    world.pass_ms(NEXT_DAY_MS + 1)

    assert (world.seen("ann") or {})["admitted"] == "NO"


def test_a_new_day_counts_anew() -> None:
    world = asked(begin(), 2).pass_ms(NEXT_DAY_MS)

    asked(world, 2).score("ann", 500).run()

    assert (world.seen("ann") or {})["admitted"] == "NO"


@pytest.mark.parametrize(
    "end", [{"action": "WITHDRAW"}, {"action": "WITHDRAW", "scope": "SCORING"}]
)
def test_an_end_gets_through_a_freeze(end: dict[str, str]) -> None:
    world = frozen()
    if "scope" in end:
        world.consent("ann", AT + 1, **end)
    else:
        world.withdraw("ann", AT + 1)

    assert world.run().seen("ann") is None


def test_an_erasure_gets_through_a_freeze() -> None:
    assert frozen().erase("ann").run().seen("ann") is None


def test_a_narrower_grant_gets_through_a_freeze() -> None:
    world = frozen().grant("ann", AT + 1, disclosure="ADMIT").run()

    assert (world.seen("ann") or {})["band"] is None


def test_a_shorter_grant_gets_through_a_freeze() -> None:
    world = frozen().grant("ann", AT + 1, expires_at=START_MS + 3 * DAY_MS).run()
    assert (world.seen("ann") or {})["grant_expires_at"] is not None

    world.grant("ann", AT + 2).run()

    assert (world.seen("ann") or {})["grant_expires_at"] is not None


def test_an_enquiry_for_another_purpose_is_refused() -> None:
    world = begin()
    world.enquiry("bikes", world.subject("ann"), purpose="HOTEL_DEPOSIT").run()

    ((reason, error),) = world.refusals()
    assert (reason, error.startswith("not granted: ")) == ("INVALID", True)
    assert world.told("ann") == [("SHOWN", "GRANT")]


def test_an_enquiry_about_nobody_is_refused_and_told_to_nobody() -> None:
    world = begin()
    world.enquiry("bikes", world.subject("ben")).enquiry("bikes", "a" * 40).run()

    assert len(world.refusals()) == 2
    assert len(world.records(topics.DISCLOSURES)) == 1


def test_answers_are_held_against_the_first_threshold_until_it_has_held_long_enough() -> None:
    world = begin().reload(registry(bikes={"BIKE_DEPOSIT": 700, "disclosure": "BAND"}))
    world.score("ann", 655).run()
    assert ((world.seen("ann") or {})["admitted"], len(world.view())) == ("YES", 1)

    world.pass_ms(30 * DAY_MS - 1)
    assert (world.seen("ann") or {})["threshold"] == 600

    world.pass_ms(1)
    seen = world.seen("ann") or {}
    assert (seen["threshold"], seen["admitted"]) == (700, "NO")
    assert world.told("ann")[-1] == ("SHOWN", "THRESHOLD")
    assert sum(counts.thresholds_changed for counts in world.counts) == 1


def test_a_threshold_that_comes_back_changes_nothing() -> None:
    world = begin().reload(registry(bikes={"BIKE_DEPOSIT": 700, "disclosure": "BAND"}))
    world.reload(registry(bikes={"BIKE_DEPOSIT": 600, "disclosure": "BAND"}))

    world.pass_ms(60 * DAY_MS)

    assert world.told("ann") == [("SHOWN", "GRANT")]


def test_granting_anew_does_not_bring_another_threshold() -> None:
    world = begin().reload(registry(bikes={"BIKE_DEPOSIT": 700, "disclosure": "BAND"}))
    world.withdraw("ann", AT + 1).run().grant("ann", AT + 2).run()

    assert (world.seen("ann") or {})["threshold"] == 600


def test_who_grants_after_a_change_is_held_against_the_new_threshold() -> None:
    world = begin().reload(registry(bikes={"BIKE_DEPOSIT": 700, "disclosure": "BAND"}))
    world.grant("ben", AT).score("ben", 660).run()

    assert (world.seen("ben") or {})["threshold"] == 700


def test_after_one_change_the_next_waits_as_long() -> None:
    world = begin().reload(registry(bikes={"BIKE_DEPOSIT": 700})).pass_ms(30 * DAY_MS)
    world.reload(registry(bikes={"BIKE_DEPOSIT": 500})).pass_ms(30 * DAY_MS - 1)
    assert (world.seen("ann") or {})["threshold"] == 700

    assert (world.pass_ms(1).seen("ann") or {})["threshold"] == 500
