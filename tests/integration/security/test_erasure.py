"""Who may erase: the person alone, and the administrator, who sees all of it go."""

import json
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from pipeline import topics
from pipeline.kafka import confluent_config
from tests.integration.security.cluster import ADMIN, SecuredKafka, user
from tests.integration.support.records import good_year, grants
from tests.integration.support.stream import until
from tests.integration.support.worker import WorkerProcess

LIMIT_S = 240.0
THEIRS = {"consents", "scores", "score-changes"}


def enrol(secured: SecuredKafka, prefix: str, person: str) -> None:
    producer = Producer(
        {**confluent_config(secured.settings(ADMIN)), "partitioner": "murmur2_random"}
    )
    for each in [*grants(person), *good_year(person)]:
        producer.produce(prefix + each.topic.name, each.value, each.key)
    assert producer.flush(LIMIT_S) == 0

    def has_score() -> bool:
        told = secured.sesame(user("person"), "score", person, topic_prefix=prefix)
        return told.status == 0

    until(has_score, lambda: "no score", LIMIT_S)


def erased(secured: SecuredKafka, prefix: str, name: str, person: str) -> dict[str, Any]:
    done = secured.sesame(name, "erase", person, "--yes", "--json", topic_prefix=prefix)
    assert done.status == 0, done.errors
    receipt: dict[str, Any] = done.told["receipt"]
    return receipt


@pytest.mark.slow
def test_a_person_sees_their_own_topics_emptied_and_the_administrator_all(
    secured: SecuredKafka, prefix: str, tmp_path: Path
) -> None:
    variables = secured.variables(user("pipeline"), topic_prefix=prefix)
    worker = WorkerProcess(variables, tmp_path / "worker.log", "worker").until_ready()
    try:
        for person in ("ann", "bob"):
            enrol(secured, prefix, person)
        own = erased(secured, prefix, user("person"), "ann")
        full = erased(secured, prefix, ADMIN, "bob")
    finally:
        worker.kill()
        print(worker.log)  # noqa: T201 - pytest shows it beside a failure
    seen = {entry["topic"] for entry in (*own["removed"], *own["remaining"])}
    assert seen == THEIRS
    unseen = {entry["topic"] for entry in own["unseen"]}
    assert unseen >= {topics.CHANGELOG.name, topics.GATEWAY_CHANGELOG.name, "payments"}
    assert not unseen & THEIRS

    assert full["unseen"] == []
    tables = {entry["table"] for entry in full["removed"]}
    assert tables >= {"factor row", "ledger", "contracts", "links", "Score"}

    # Each holds for whoever checks it, as far as they may look.
    for name, receipt in ((user("person"), own), (ADMIN, full), (user("person"), full)):
        file = tmp_path / "receipt.json"
        file.write_text(json.dumps(receipt))
        done = secured.sesame(name, "erase", "--check", str(file), topic_prefix=prefix)
        assert done.status == 0, done.output + done.errors


def test_whoever_may_not_withdraw_for_others_erases_nobody(
    secured: SecuredKafka, prefix: str
) -> None:
    done = secured.sesame(user("producer"), "erase", "ann", "--yes", "--json", topic_prefix=prefix)
    assert done.status != 0
    assert "Traceback" not in done.errors
