"""Dead letters are listed and sent back with the operator's credentials, and with no others."""

from typing import Any

import pytest
from confluent_kafka import Producer

from pipeline import topics
from pipeline.cli.records import each_record
from pipeline.kafka import confluent_config
from pipeline.topics import Topic
from tests.integration.security.cluster import ADMIN, SecuredKafka, user
from tests.integration.support.records import NOW_MS, fields_for, value_of
from tests.integration.support.stream import until

LIMIT_S = 120.0


def refuse(secured: SecuredKafka, prefix: str, topic: Topic, person: str) -> bytes:
    """Put a good record among the dead letters, as the worker would a bad one; its value."""
    more = {"other_user_id": "otto"} if topic is topics.RELATIONSHIPS else {}
    value = value_of(topic, fields_for(topic, person, NOW_MS, **more))
    said = {
        "topic": prefix + topic.name,
        "partition": 1,
        "offset": 7,
        "reason": "INVALID",
        "error": "a rule was broken",
        "failed_at": NOW_MS,
    }
    producer = Producer(confluent_config(secured.settings(user("pipeline"))))
    producer.produce(
        prefix + topics.DEAD_LETTERS.name,
        value,
        person.encode(),
        1,
        headers=[(f"dlq.{name}", str(text).encode()) for name, text in said.items()],
    )
    assert producer.flush(LIMIT_S) == 0
    return value


def held(secured: SecuredKafka, prefix: str, topic: Topic, person: str) -> list[bytes]:
    """A person's records in a topic, as the administrator sees them."""
    records: list[Any] = []
    each_record(secured.settings(ADMIN, topic_prefix=prefix), topic, records.append)
    return [record.value for record in records if record.key == person.encode()]


@pytest.mark.parametrize("topic", [topics.PAYMENTS, topics.RELATIONSHIPS], ids=lambda t: t.name)
def test_the_operator_lists_letters_and_sends_them_back_once(
    secured: SecuredKafka, prefix: str, topic: Topic
) -> None:
    person = f"olga-{topic.name}"
    value = refuse(secured, prefix, topic, person)

    def dlq(*arguments: str) -> Any:
        run = secured.sesame(
            user("operator"), "dlq", *arguments, "--key", person, "--json", topic_prefix=prefix
        )
        assert run.status == 0, run.errors
        return run.told

    (letter,) = dlq("list")["letters"]
    assert letter["topic"] == prefix + topic.name
    assert dlq("redrive", "--yes")["redriven"] == 1
    # A commit is seen a moment after it is done.
    until(lambda: held(secured, prefix, topic, person) == [value], lambda: "not there", LIMIT_S)
    assert dlq("redrive", "--yes")["redriven"] == 0
    assert held(secured, prefix, topic, person) == [value]
    assert dlq("list", "--redriven")["total"] == 1


@pytest.mark.parametrize("role", ["pipeline", "gateway", "producer", "person"])
def test_no_other_role_sends_letters_back(secured: SecuredKafka, prefix: str, role: str) -> None:
    person = f"otto-{role}"
    refuse(secured, prefix, topics.PAYMENTS, person)
    run = secured.sesame(
        user(role), "dlq", "redrive", "--key", person, "--yes", topic_prefix=prefix
    )
    assert run.status == 1
    assert "Traceback" not in run.errors
    assert held(secured, prefix, topics.PAYMENTS, person) == []
