import pytest

from pipeline import topics
from tests.unit.gateway.world import DAY_MS, SECRET, START_MS, World

AT = START_MS - 1_000
NEW = "n" * 32


@pytest.fixture
def world() -> World:
    return World().consent("ann", AT).grant("ann", AT).score("ann", 660).run()


def test_a_new_key_gives_a_new_subject_and_takes_back_the_old(world: World) -> None:
    old = world.subject("ann")
    before = world.view()[old]

    world.reload(secrets=[NEW, SECRET])

    ((subject, after),) = world.view().items()
    assert subject == world.subject("ann") != old
    assert after == before | {"subject": subject, "sequence": 1}
    assert world.told("ann")[1:] == [("ENDED", "KEY"), ("SHOWN", "KEY")]
    values = world.values(topics.DISCLOSURES)
    assert [value["subject"] for value in values] == [old, old, subject]


def test_the_same_keys_change_nothing(world: World) -> None:
    world.reload(secrets=[SECRET, NEW])

    assert len(world.records(topics.partner_scores("bikes"))) == 1


def test_contracts_opened_under_the_old_subject_take_outcomes_under_it(world: World) -> None:
    old = world.subject("ann")
    world.outcome("bikes", old).run().reload(secrets=[NEW, SECRET])
    world.withdraw("ann", AT + 9).run().pass_ms(9 * DAY_MS)

    world.outcome("bikes", old, status="FULFILLED").run()

    assert [v["status"] for v in world.values(topics.OBLIGATIONS)] == ["OPENED", "FULFILLED"]


def test_once_the_former_key_is_gone_so_is_the_old_subject(world: World) -> None:
    old = world.subject("ann")
    world.outcome("bikes", old).run().reload(secrets=[NEW, SECRET]).reload(secrets=[NEW])

    world.outcome("bikes", old, status="FULFILLED").run()

    assert world.refusals()[0][1].startswith("not granted: ")


def test_a_key_that_comes_back_brings_the_first_subjects_back(world: World) -> None:
    first = world.subject("ann")
    world.reload(secrets=[NEW, SECRET]).reload(secrets=[SECRET, NEW])

    assert list(world.view()) == [first]
    second = world.keyring.former[0].subjects(["ann"], "bikes", "BIKE_DEPOSIT")[0].decode()
    world.outcome("bikes", first).outcome("bikes", second, status="FULFILLED").run()
    assert len(world.values(topics.OBLIGATIONS)) == 2


def test_a_leaving_erases_former_subjects_too(world: World) -> None:
    world.reload(secrets=[NEW, SECRET]).consent("ann", AT + 9, action="WITHDRAW").run()
    world.pass_ms(7 * DAY_MS)

    kept = {record.key: record.value for record in world.records(topics.GATEWAY_CHANGELOG)}
    assert [key for key, value in kept.items() if value is not None] == [b"p"]
    assert not world.lanes[0].state.grants.subject_slots


def test_rotation_while_the_gateway_was_away_is_made_up_for(world: World) -> None:
    old = world.subject("ann")
    world.restore().reload(secrets=[NEW, SECRET])

    assert list(world.view()) == [world.subject("ann")]
    assert old not in world.view()


def test_keys_that_take_turns_leave_both_subjects_in_force(world: World) -> None:
    former = world.subject("ann")
    for turn in range(7):
        world.reload(secrets=[NEW, SECRET] if turn % 2 == 0 else [SECRET, NEW])

    world.outcome("bikes", world.subject("ann")).outcome("bikes", former).run()

    assert len(world.values(topics.OBLIGATIONS)) == 2


def test_of_many_former_subjects_the_oldest_is_let_go(world: World) -> None:
    first, secrets = world.subject("ann"), [SECRET]
    for number in range(5):
        secrets.insert(0, f"{number:032}")
        world.reload(secrets=secrets)
    second = world.keyring.former[-2].subjects(["ann"], "bikes", "BIKE_DEPOSIT")[0].decode()

    world.outcome("bikes", first).outcome("bikes", second).run()

    assert len(world.values(topics.OBLIGATIONS)) == 1
    assert len(world.refusals()) == 1
