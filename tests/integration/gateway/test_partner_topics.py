"""Partners' topics are deleted, and made anew, while a gateway runs."""

import pytest

from pipeline import provision, topics
from tests.integration.gateway.test_reload import running, sample, until_shown
from tests.integration.support.events import fields_of
from tests.integration.support.gateway import TWO, SharedStream, outcome, score
from tests.integration.support.stream import until
from tests.integration.support.worker import WorkerProcess


def delete(stream: SharedStream, *deleted: topics.Topic) -> None:
    with provision.admin(stream.settings) as client:
        client.delete_topics([stream.settings.topic(topic.name) for topic in deleted])
    for topic in deleted:
        # What was read of it is of another topic from now on.
        stream._tails.pop(topic.name, None)


def until_deleted(stream: SharedStream, topic: topics.Topic) -> None:
    with provision.admin(stream.settings) as client:
        stream.until(lambda: stream.settings.topic(topic.name) not in client.list_topics())


def create(stream: SharedStream) -> None:
    provision.ensure_topics(stream.settings, list(TWO))


def until_missing(gateway: WorkerProcess, number: int) -> None:
    until(
        lambda: sample(gateway, "sesame_gateway_topics_missing") == number,
        lambda: gateway.log,
        120.0,
    )


def test_a_deleted_topic_of_one_partner_keeps_nothing_from_the_others(
    shared: SharedStream,
) -> None:
    gateway = running(shared)

    delete(shared, *topics.for_partners(["loan"]))
    until_missing(gateway, 3)
    shared.send([score("ann", 710, 2)])

    until_shown(shared, "rental", 710)
    name = f"{shared.prefix}partner.loan.scores"
    gone = [line for line in gateway.log.splitlines() if "is missing" in line and name in line]
    assert len(gone) == 1


def test_a_partner_is_taken_up_again_in_its_new_topics_with_sequences_from_1(
    shared: SharedStream,
) -> None:
    gateway = running(shared)
    shared.send([score("ann", 710, 2)])
    until_shown(shared, "loan", 710)
    delete(shared, *topics.for_partners(["loan"]))
    until_missing(gateway, 3)
    shared.send([score("ann", 720, 3)])
    until_shown(shared, "rental", 720)

    create(shared)

    until_missing(gateway, 0)
    until_shown(shared, "loan", 720)
    (records,) = shared.shown("loan").values()
    assert [record and record["sequence"] for record in records] == [1]


def test_what_is_written_while_a_topic_goes_is_not_waited_for_for_ever(
    shared: SharedStream,
) -> None:
    gateway = running(shared)

    delete(shared, topics.partner_scores("loan"))
    shared.send([score("ann", 710, 2)])

    until_shown(shared, "rental", 710)
    until_missing(gateway, 1)


def test_a_topic_of_scores_made_anew_is_filled_anew(shared: SharedStream) -> None:
    gateway = running(shared)
    shared.send([score("ann", 710, 2)])
    until_shown(shared, "loan", 710)

    delete(shared, topics.partner_scores("loan"))
    until_deleted(shared, topics.partner_scores("loan"))
    create(shared)

    until_shown(shared, "loan", 710)
    (records,) = shared.shown("loan").values()
    assert [record["sequence"] for record in records if record] == [1]
    shared.until(lambda: gateway.partitions() == set(range(4)))


@pytest.mark.parametrize("written_before", [1, 4], ids=["within the new log", "beyond its end"])
def test_reports_in_a_topic_made_anew_are_read_from_its_beginning(
    shared: SharedStream, written_before: int
) -> None:
    gateway = running(shared)
    shared.send(
        [
            outcome("rental", shared.subject("ann", "rental"), f"old-{n}")
            for n in range(written_before)
        ]
    )
    shared.until(lambda: len(shared.read(topics.OBLIGATIONS)) == written_before)

    delete(shared, topics.partner_outcomes("rental"))
    until_deleted(shared, topics.partner_outcomes("rental"))
    create(shared)
    shared.send([outcome("rental", shared.subject("ann", "rental"), f"new-{n}") for n in range(2)])

    def contracts() -> set[str]:
        values = [fields_of("Obligation", r.value or b"") for r in shared.read(topics.OBLIGATIONS)]
        return {value["contract_id"] for value in values}

    shared.until(lambda: {"new-0", "new-1"} <= contracts())
    made_anew = gateway.metrics()["sesame_gateway_topics_made_anew_total"]
    assert {dict(labels)["topic"] for labels in made_anew} == {"partner.rental.outcomes"}
    assert "is another, or was cut short" in gateway.log
