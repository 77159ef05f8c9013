import json
from collections.abc import Callable

import pytest

from pipeline import topics
from pipeline.codec import catalog
from pipeline.codec.registry import FileRegistry
from pipeline.codec.translate import write_record
from pipeline.gateway import step
from pipeline.gateway.outcomes import is_doubtful
from tests.unit.gateway.logs import Written
from tests.unit.gateway.world import DAY_MS, START_MS, World, registry

AT = START_MS - 1_000


@pytest.fixture
def world() -> World:
    return World().consent("ann", AT).grant("ann", AT).score("ann", 660).run()


def obligations(world: World) -> list[tuple[str, str]]:
    return [(v["contract_id"], v["status"]) for v in world.values(topics.OBLIGATIONS)]


def test_an_outcome_becomes_an_obligation_of_its_person(world: World) -> None:
    world.outcome(
        "bikes",
        world.subject("ann"),
        event_id="of the partner",
        status="BREACHED",
        amount_minor=5,
        due_at=AT,
        evidence="photo 7",
        occurred_at=AT + 5,
    ).run()

    (record,) = world.records(topics.OBLIGATIONS)
    (value,) = world.values(topics.OBLIGATIONS)
    assert record.key == b"ann"
    assert value == {
        "event_id": "of the partner",
        "user_id": "ann",
        "occurred_at": AT + 5,
        "contract_id": "c1",
        "partner_id": "bikes",
        "kind": "RENTAL",
        "status": "BREACHED",
        "amount_minor": 5,
        "due_at": AT,
        "evidence": "photo 7",
    }


def test_outcomes_find_people_in_whatever_partition_they_live() -> None:
    world = World(partitions=8)
    for number in range(30):
        world.grant(f"p{number}", AT)
    world.run()

    for number in range(30):
        world.outcome("bikes", world.subject(f"p{number}"))
    world.run()

    assert {v["user_id"] for v in world.values(topics.OBLIGATIONS)} == {
        f"p{number}" for number in range(30)
    }
    for number in range(8):
        homes = {record.key for record in world.logs[topics.CONSENTS.name, number]}
        assert {r.key for r in world.logs[topics.OBLIGATIONS.name, number]} <= homes


@pytest.mark.parametrize("subject", ["a" * 40, "ann", "\N{SNOWMAN}"])
def test_a_forged_subject_is_refused_where_it_is_read(world: World, subject: str) -> None:
    world.outcome("bikes", subject).run()

    ((reason, error),) = world.refusals()
    assert reason == "INVALID"
    assert error.startswith("not granted: ")
    assert not world.records(topics.GATEWAY_INBOX)


def test_who_never_granted_is_refused_under_the_place_the_partner_wrote_to(world: World) -> None:
    world.outcome("bikes", world.subject("ann")).outcome("bikes", world.subject("ben")).run()

    (letter,) = world.records(topics.DEAD_LETTERS)
    headers = dict(letter.headers)
    written = world.records(topics.partner_outcomes("bikes"))[1]
    assert (letter.key, letter.value) == (written.key, written.value)
    assert headers["dlq.topic"] == b"partner.bikes.outcomes"
    assert (headers["dlq.partition"], headers["dlq.offset"]) == (b"0", b"1")
    assert headers["dlq.error"].startswith(b"not granted: ")


def test_a_subject_of_another_partner_is_refused(world: World) -> None:
    world.outcome("loans", world.subject("ann", "bikes")).run()

    assert world.refusals()[0][1].startswith("not granted: ")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"status": "BREACHED"}, "INVALID"),
        ({"amount_minor": -1}, "INVALID"),
        ({"occurred_at": START_MS + DAY_MS + 1}, "FUTURE"),
    ],
)
def test_what_is_no_good_obligation_is_refused(
    world: World, fields: dict[str, object], reason: str
) -> None:
    world.outcome("bikes", world.subject("ann"), **fields).run()

    assert [given for given, _ in world.refusals()] == [reason]
    assert not obligations(world)


def test_bytes_that_do_not_decode_are_refused(world: World) -> None:
    world.produce(topics.partner_outcomes("bikes"), world.subject("ann"), b"?").run()

    assert [reason for reason, _ in world.refusals()] == ["WIRE_FORMAT"]


@pytest.mark.parametrize(
    "end",
    [
        lambda world: world.withdraw("ann", AT + 9).run(),
        lambda world: world.grant("ann", AT + 1, expires_at=START_MS + 9).run().pass_ms(9),
        lambda world: world.consent("ann", AT, expires_at=START_MS + 9).run().pass_ms(9),
    ],
    ids=["withdrawal", "expiry", "enrolment over"],
)
def test_contracts_that_were_open_take_outcomes_after_the_end_until_they_close(
    world: World, end: Callable[[World], World]
) -> None:
    subject = world.subject("ann")
    world.outcome("bikes", subject, contract_id="open")
    world.outcome("bikes", subject, contract_id="closed")
    world.outcome("bikes", subject, contract_id="closed", status="FULFILLED").run()
    end(world)
    for status in ("LATE", "BREACHED", "DISPUTED", "DISPUTE_REJECTED", "LATE"):
        world.outcome("bikes", subject, contract_id="open", status=status, evidence="e")
    world.outcome("bikes", subject, contract_id="closed", status="LATE")
    world.pass_ms(DAY_MS)

    taken = [status for contract, status in obligations(world) if contract == "open"]
    assert taken == ["OPENED", "LATE", "BREACHED", "DISPUTED", "DISPUTE_REJECTED"]
    assert [status for contract, status in obligations(world) if contract == "closed"] == [
        "OPENED",
        "FULFILLED",
    ]
    assert len(world.refusals()) == 2


def test_a_contract_of_before_the_end_is_taken_for_seven_days_after_it(world: World) -> None:
    subject = world.subject("ann")
    world.withdraw("ann", AT + 9).run()

    world.outcome("bikes", subject, contract_id="in time", occurred_at=AT + 8)
    world.outcome("bikes", subject, contract_id="after", occurred_at=AT + 9).run()
    world.pass_ms(7 * DAY_MS + 1)
    world.outcome("bikes", subject, contract_id="too late", occurred_at=AT + 8).run()

    assert obligations(world) == [("in time", "OPENED")]


def test_who_left_altogether_is_unknown_even_with_an_open_contract(world: World) -> None:
    subject = world.subject("ann")
    world.outcome("bikes", subject).run().consent("ann", AT + 9, action="WITHDRAW").run()
    world.outcome("bikes", subject, status="FULFILLED").run()

    assert obligations(world) == [("c1", "OPENED")]
    assert len(world.refusals()) == 1


def test_of_more_than_sixty_four_open_contracts_the_oldest_are_let_go(world: World) -> None:
    subject = world.subject("ann")
    for number in range(65):
        world.outcome("bikes", subject, contract_id=f"c{number}")
    world.run().withdraw("ann", AT + 9).run()

    world.outcome("bikes", subject, contract_id="c0", status="FULFILLED")
    world.outcome("bikes", subject, contract_id="c1", status="FULFILLED").run()

    assert ("c0", "FULFILLED") not in obligations(world)
    assert ("c1", "FULFILLED") in obligations(world)


def test_an_ended_grant_is_kept_while_a_contract_is_open_and_dropped_once_it_closes(
    world: World,
) -> None:
    subject = world.subject("ann")
    world.outcome("bikes", subject).run().withdraw("ann", AT + 9).run().pass_ms(90 * DAY_MS)
    (lane,) = world.lanes
    assert len(lane.state.grants) == 1

    world.outcome("bikes", subject, status="FULFILLED").run()

    assert len(lane.state.grants) == 0


def test_an_outcome_of_a_partner_that_left_the_registry_is_still_taken(world: World) -> None:
    subject = world.subject("ann")
    world.outcome("bikes", subject).run().reload(registry(loans={"MICROLOAN": 650}))

    world.outcome("bikes", subject, status="FULFILLED").run()

    assert obligations(world)[-1] == ("c1", "FULFILLED")


def wider_outcome() -> str:
    avro = json.loads(catalog.current("PartnerOutcome").text)
    note = {"name": "note", "type": "string", "default": ""}
    return json.dumps(avro | {"fields": [*avro["fields"], note]})


class Wider(FileRegistry):
    """Knows a later version of PartnerOutcome too, with a field that is of no concern here."""

    ID = 777
    TEXT = wider_outcome()

    def schema(self, schema_id: int) -> str:
        return self.TEXT if schema_id == self.ID else super().schema(schema_id)


@pytest.mark.parametrize(("note", "taken"), [(60_000, True), (70_000, False)])
def test_a_report_too_large_to_be_sent_on_is_refused(world: World, note: int, taken: bool) -> None:
    subject, topic = world.subject("ann"), topics.partner_outcomes("bikes")
    world.lanes[0].context.registry = Wider()
    world.outcome("bikes", subject)
    (plain,) = world.values(topic)
    fields = plain | {"note": "x" * note}
    value = b"\0" + Wider.ID.to_bytes(4, "big") + write_record(fields, Wider.TEXT)

    world.logs[topic.name, 0].clear()
    world.produce(topic, subject, value).run()

    assert bool(obligations(world)) is taken
    assert len(world.records(topics.GATEWAY_INBOX)) == taken
    reasons = [(reason, "of a report" in error) for reason, error in world.refusals()]
    assert reasons == ([] if taken else [("INVALID", True)])


def test_a_grant_that_lapsed_while_nobody_was_there_takes_no_new_contract() -> None:
    world = World().consent("ann", AT).grant("ann", AT, expires_at=START_MS + 9).run()
    world.now_ms += DAY_MS

    world.restore().outcome("bikes", world.subject("ann"), occurred_at=START_MS + 10).run()

    assert not obligations(world)
    ((_, error),) = world.refusals()
    assert error == "not granted: the grant had ended when the contract was opened"


def test_a_grant_whose_enrolment_lapsed_while_nobody_was_there_takes_no_new_contract() -> None:
    world = World().consent("ann", AT, expires_at=START_MS + 9).grant("ann", AT).run()
    world.now_ms += DAY_MS

    world.restore().outcome("bikes", world.subject("ann"), occurred_at=START_MS + 10).run()

    assert not obligations(world)


def test_however_many_grants_lapse_at_once_none_of_them_takes_a_new_contract(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(step, "_DUE_GRANTS_MAX", 1)
    world = World()
    for user in ("ann", "bob", "zoe"):
        world.consent(user, AT).grant(user, AT, expires_at=START_MS + 9)
    world.run().now_ms += DAY_MS

    for user in ("zoe", "bob", "ann"):
        world.outcome("bikes", world.subject(user), occurred_at=START_MS + 10)
    world.run()

    assert not obligations(world)
    assert len(world.refusals()) == 3


def test_an_outcome_on_a_grant_that_time_has_ended_is_doubtful_until_newer_consents_are_read() -> (
    None
):
    world = World().consent("ann", AT).grant("ann", AT, expires_at=START_MS + 9).run()
    (lane,) = world.lanes
    record = Written(0, START_MS, world.subject("ann").encode(), b"")

    assert not is_doubtful(lane.state, [record], START_MS + 8)
    assert is_doubtful(lane.state, [record], START_MS + 9)
