import pytest

from tests.unit.gateway.world import DAY_MS, START_MS, World

AT = START_MS - 1_000
END_MS = START_MS + 1_000


def test_what_was_erased_a_week_after_its_end_takes_no_room_from_others() -> None:
    world = World()
    world.consent("ann", AT, expires_at=END_MS).grant("ann", AT).score("ann", 660).run()
    world.pass_ms(2_000).pass_ms(7 * DAY_MS + 1)
    grants = world.lanes[0].state.grants

    assert (len(grants), grants.rows["ended_seen_ms"].max()) == (0, 0)
    world.consent("ann", world.now_ms).grant("ann", world.now_ms).run()
    assert world.pass_ms(7 * DAY_MS + 1).seen("ann") is not None


def test_a_grant_in_no_list_of_its_person_is_an_error_and_no_endless_search() -> None:
    world = World().grant("ann", AT).grant("ann", AT, partner="loans").run()
    state = world.lanes[0].state
    state.people.first_grant[0] = -1

    with pytest.raises(LookupError, match="slot 0"):
        state.grants.remove(0)


def test_a_grant_given_after_scoring_ended_shows_nothing() -> None:
    world = World().consent("ann", AT, expires_at=END_MS).score("ann", 660).run()
    world.pass_ms(5_000)

    assert world.grant("ann", world.now_ms).run().seen("ann") is None


def test_who_enrols_again_is_shown_after_the_end_of_the_former_enrolment() -> None:
    world = World().consent("ann", AT, expires_at=END_MS).run().pass_ms(5_000)
    world.grant("ann", world.now_ms).consent("ann", world.now_ms - 1).score("ann", 660).run()

    assert world.seen("ann") is not None


def test_a_clock_that_steps_back_shows_no_ended_grant_again() -> None:
    world = World().consent("ann", AT).grant("ann", AT, expires_at=END_MS)
    world.score("ann", 660).run().pass_ms(1_500)

    world.now_ms -= 1_000

    assert world.score("ann", 700).run().seen("ann") is None


def test_a_clock_that_steps_back_starts_no_ended_enrolment_again() -> None:
    world = World().consent("ann", AT, expires_at=END_MS).score("ann", 660).run().pass_ms(1_500)
    world.grant("ann", END_MS + 1).run()

    world.now_ms -= 1_000

    assert world.score("ann", 700).run().seen("ann") is None


def test_a_score_of_before_an_erasure_is_not_shown_after_enrolling_again() -> None:
    world = World().consent("ann", AT).grant("ann", AT).score("ann", 660).run()
    world.consent("ann", START_MS, action="WITHDRAW").consent("ann", START_MS + 1)
    assert world.grant("ann", START_MS + 2).run().seen("ann") is None
    assert world.score("ann", 700).run().restore().reload().seen("ann") is None

    world.erase("ann").run()

    assert world.score("ann", 660).run().seen("ann") is not None


def test_a_first_score_after_an_erasure_is_shown_where_no_null_was_written() -> None:
    world = World().consent("ann", AT).grant("ann", AT).score("ann", 660).run()
    world.consent("ann", START_MS, action="WITHDRAW").consent("ann", START_MS + 1)
    world.grant("ann", START_MS + 2).run()

    assert world.score("ann", 660, sequence=1).run().seen("ann") is not None


def test_a_score_that_counts_what_came_after_a_withdrawal_is_shown() -> None:
    world = World().consent("ann", AT).grant("ann", AT).score("ann", 660).run()
    world.consent("ann", START_MS, action="WITHDRAW").consent("ann", START_MS + 1)
    world.grant("ann", START_MS + 2).run()

    assert world.score("ann", 660, as_of=START_MS + 3).run().seen("ann") is not None


@pytest.mark.parametrize("ends", ["thin file", "erasure"])
def test_sequences_start_again_whatever_ended_it(ends: str) -> None:
    world = World().consent("ann", AT).grant("ann", AT).score("ann", 660).run()
    world.erase("ann") if ends == "erasure" else world.score("ann", None)

    seen = world.run().score("ann", 660).run().seen("ann") or {}

    assert seen["sequence"] == 1


def test_when_a_grant_ends_is_told_to_the_day() -> None:
    world = World().consent("ann", AT).grant("ann", AT, expires_at=END_MS).score("ann", 660).run()

    assert (world.seen("ann") or {})["grant_expires_at"] == (END_MS // DAY_MS + 1) * DAY_MS
    assert world.pass_ms(1_000).seen("ann") is None


def test_an_older_enrolment_that_comes_late_ends_nothing() -> None:
    world = World().consent("ann", AT).grant("ann", AT).score("ann", 660).run().restore()

    world.consent("ann", AT - 1, expires_at=END_MS).run().pass_ms(2_000)

    assert world.seen("ann") is not None


def test_of_two_enrolments_of_the_same_time_the_one_holds_that_ends_first() -> None:
    world = World().consent("ann", AT, expires_at=END_MS).grant("ann", AT).score("ann", 660).run()

    world.consent("ann", AT).consent("ann", AT, expires_at=END_MS + 1).run().pass_ms(1_000)

    assert world.seen("ann") is None


def test_an_older_withdrawal_that_comes_late_takes_back_older_grants_only() -> None:
    world = World().consent("ann", AT).grant("ann", AT - 20).score("ann", 660)
    world.grant("ann", AT, partner="loans").run()
    assert world.seen("ann") is not None

    world.consent("ann", AT - 10, action="WITHDRAW").run()

    # The pipeline erases nobody for it, so no new score is waited for.
    assert (world.seen("ann"), world.seen("ann", "loans") is None) == (None, False)
    assert world.grant("ann", AT - 5).run().seen("ann") is not None


def test_nothing_is_remembered_of_who_enrolled_and_left() -> None:
    world = World().consent("ann", AT).run()
    assert len(world.lanes[0].state.people) == 1

    world.consent("ann", AT + 1, action="WITHDRAW").run().pass_ms(7 * DAY_MS + 1)

    assert len(world.restore().lanes[0].state.people) == 0
