"""The whole way from a person's payments to a partner's view, each program as its own user."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, Message, Producer

from pipeline import authorizer, provision, topics
from pipeline.access import Action, Difference, wanted
from pipeline.cli.records import each_record
from pipeline.kafka import confluent_config
from pipeline.partners.client import PartnerClient
from pipeline.partners.records import OutcomeReport
from pipeline.partners.vocabulary import ContractKind, ContractStatus
from pipeline.streaming import changelog
from pipeline.streaming.position import Position
from tests.integration.security.cluster import ADMIN, WAYS, SecuredKafka, Way, user
from tests.integration.support.events import fields_of
from tests.integration.support.records import NOW_MS, SCOPES, good_year
from tests.integration.support.stream import Input, until
from tests.integration.support.worker import WorkerProcess

KEY = "a key for tests, of no use elsewhere"
LIMIT_S = 240.0

Start = Callable[..., WorkerProcess]


@pytest.fixture
def start(secured: SecuredKafka, prefix: str, tmp_path: Path) -> Iterator[Start]:
    """Starts a program under a user's credentials, and ends it with the test."""
    running: list[WorkerProcess] = []

    def begin(command: str, name: str, way: Way = "SCRAM", **changes: object) -> WorkerProcess:
        variables = secured.variables(name, way, topic_prefix=prefix, **changes)
        log = tmp_path / f"{command}-{len(running)}.log"
        running.append(WorkerProcess(variables, log, command))
        return running[-1]

    yield begin
    for program in running:
        if program.is_running:
            program.kill()
        print(program.log)  # noqa: T201 - pytest shows it beside a failure


Ends = dict[int, dict[str, int]]
"""The last offset by partition and topic."""


def send(secured: SecuredKafka, prefix: str, role: str, inputs: list[Input]) -> Ends:
    """Write a role's records with its credentials; where they end."""
    refused: list[str] = []
    ends: Ends = {}

    def delivered(topic: str, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            refused.append(str(error))
            return
        partition, offset = message.partition(), message.offset()
        assert partition is not None
        assert offset is not None
        ends.setdefault(partition, {})[topic] = offset

    producer = Producer(
        {**confluent_config(secured.settings(user(role))), "partitioner": "murmur2_random"}
    )
    for each in inputs:
        producer.produce(
            prefix + each.topic.name,
            each.value,
            each.key,
            on_delivery=partial(delivered, each.topic.name),
        )
    assert producer.flush(LIMIT_S) == 0
    assert refused == []
    return ends


def until_applied(secured: SecuredKafka, prefix: str, state: topics.Topic, due: Ends) -> None:
    """Return when the positions in a changelog have got as far as this."""
    settings = secured.settings(ADMIN, topic_prefix=prefix)

    def is_applied() -> bool:
        records: list[Any] = []
        each_record(settings, state, records.append)
        found = {r.partition: r.value for r in records if r.key == changelog.POSITION_KEY}
        positions = {number: Position.decode(value).applied for number, value in found.items()}
        return all(
            positions.get(number, {}).get(topic, -1) >= offset
            for number, ends in due.items()
            for topic, offset in ends.items()
        )

    until(is_applied, lambda: f"{state.name} is not at {due}", LIMIT_S)


def last_scores(secured: SecuredKafka, prefix: str) -> Ends:
    """Where the scores end."""
    records: list[Any] = []
    each_record(secured.settings(ADMIN, topic_prefix=prefix), topics.SCORES, records.append)
    return {r.partition: {topics.SCORES.name: r.offset} for r in records}


def score_of(secured: SecuredKafka, prefix: str, person: str) -> dict[str, Any]:
    """What the person's own credentials read."""
    found: list[dict[str, Any]] = []

    def is_there() -> bool:
        told = secured.sesame(user("person"), "score", person, "--json", topic_prefix=prefix)
        if told.status == 0:
            found.append(json.loads(told.output))
        return bool(found) and found[-1]["status"] == "SCORED"

    until(is_there, lambda: f"the last was {found[-1:]}", LIMIT_S)
    return found[-1]


def consent(secured: SecuredKafka, prefix: str, person: str, *options: str) -> dict[str, Any]:
    told = secured.sesame(
        user("person"),
        *("consent", "grant", person, *options, "--json"),
        topic_prefix=prefix,
        pseudonym_key=KEY,
    )
    assert told.status == 0, told.errors
    granted: dict[str, Any] = json.loads(told.output)
    return granted


def scopes() -> list[str]:
    return [word for scope in SCOPES for word in ("--scope", scope)]


def test_a_worker_scores_under_its_own_credentials(
    secured: SecuredKafka, prefix: str, start: Start
) -> None:
    consent(secured, prefix, "ann", *scopes())
    send(secured, prefix, "producer", good_year("ann"))
    worker = start("worker", user("pipeline")).until_ready()
    assert score_of(secured, prefix, "ann")["sequence"] >= 1
    assert worker.partitions() == {0, 1}
    assert worker.terminate() == 0
    assert "uthorization" not in worker.log


@pytest.mark.parametrize("way", [way for way in WAYS if way != "SCRAM"])
def test_a_worker_connects_by_every_other_way(
    secured: SecuredKafka, prefix: str, start: Start, way: Way
) -> None:
    person, name = f"bob-{way.lower()}", user("pipeline")
    principals = {"TLS": "User:ANONYMOUS", "MUTUAL": f"User:CN={name}", "PLAIN": f"User:{name}"}
    with rules_for(secured, prefix, principals[way]):
        worker = start("worker", name, way).until_ready()
        consent(secured, prefix, person, *scopes())
        send(secured, prefix, "producer", good_year(person))
        score_of(secured, prefix, person)
        assert worker.terminate() == 0


@contextmanager
def rules_for(secured: SecuredKafka, prefix: str, principal: str) -> Iterator[None]:
    """Gives a user, as it is called by another way in, the pipeline's rules as well."""
    settings = secured.settings(ADMIN, topic_prefix=prefix)
    pipeline = f"User:{user('pipeline')}"
    rules = [
        replace(rule, principal=principal)
        for rule in wanted(settings, [])
        if rule.principal == pipeline != principal
    ]
    with provision.admin(settings) as client:
        authorizer.apply(client, [Difference(rule, Action.ADD, "") for rule in rules])
    try:
        yield
    finally:
        with provision.admin(settings) as client:
            authorizer.apply(client, [Difference(rule, Action.REMOVE, "") for rule in rules])


def test_a_partner_decides_and_reports_with_no_more_than_its_own_credentials(
    secured: SecuredKafka, prefix: str, start: Start, tmp_path: Path
) -> None:
    worker = start("worker", user("pipeline"))
    gateway = start("gateway", user("gateway"), pseudonym_key=KEY)
    worker.until_ready()
    gateway.until_ready()
    consent(secured, prefix, "eve", *scopes())
    sent = send(secured, prefix, "producer", good_year("eve"))
    # Else the partner might be shown a score of a part of the year first.
    until_applied(secured, prefix, topics.CHANGELOG, sent)
    score = score_of(secured, prefix, "eve")
    until_applied(secured, prefix, topics.GATEWAY_CHANGELOG, last_scores(secured, prefix))
    to_partner = ("--partner", "car-rental", "--disclosure", "BAND")
    subject = consent(secured, prefix, "eve", *to_partner)["subject"]

    own = secured.settings(user("partner-car-rental"), topic_prefix=prefix)
    with PartnerClient("car-rental", settings=own, store=tmp_path / "view.db") as client:
        client.wait_ready(LIMIT_S)
        until(lambda: client.subjects == 1, lambda: str(client.state), LIMIT_S)
        decision = client.decide(subject)
        waived = score["score"] >= decision.threshold
        assert decision.outcome == ("DEPOSIT_WAIVED" if waived else "DEPOSIT_REQUIRED")
        assert decision.model == score["model"]
        client.report(
            OutcomeReport(
                contract_id="contract-9",
                subject=subject,
                kind=ContractKind.RENTAL,
                status=ContractStatus.OPENED,
                occurred_at_ms=NOW_MS,
            )
        )
        client.flush(LIMIT_S)
    until(lambda: "contract-9" in contracts_of(secured, prefix, "eve"), lambda: "", LIMIT_S)
    told = secured.sesame(user("person"), "disclosures", "eve", "--json", topic_prefix=prefix).told
    (account,) = told["partners"]
    assert account["partner_id"] == "car-rental"
    assert account["shown_now"]
    assert account["times_asked"] == 1
    for program in (worker, gateway):
        assert program.terminate() == 0
        assert "uthorization" not in program.log


def contracts_of(secured: SecuredKafka, prefix: str, person: str) -> set[str]:
    """The contracts with the partner among a person's obligations, as the administrator sees."""
    records: list[Any] = []
    each_record(secured.settings(ADMIN, topic_prefix=prefix), topics.OBLIGATIONS, records.append)
    found = [fields_of("Obligation", r.value) for r in records if r.key == person.encode()]
    return {fields["contract_id"] for fields in found if fields["partner_id"] == "car-rental"}
