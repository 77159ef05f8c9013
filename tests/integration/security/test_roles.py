"""What each role's credentials are good for, asked of the broker itself."""

from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from pipeline import authorizer, provision, topics
from pipeline.errors import SesameError
from pipeline.kafka import confluent_config
from tests.integration.security.cluster import ADMIN, PARTNERS, ROLES, SecuredKafka, user

ALL = {topic.name for topic in (*topics.ALL, *topics.for_partners(list(PARTNERS)))}
LIMIT_S = 120.0

READS = {
    "person": {"consents", "scores", "score-changes", "disclosures"},
    "producer": set(),
    "pipeline": {
        *("consents", "payments", "consumption", "obligations", "profiles", "relationships"),
        *("peer-signals", "factor-state-changelog", "factor-state-journal"),
        *("factor-state-generations", "scores"),
    },
    "gateway": {
        *("consents", "scores", "gateway-inbox", "gateway-changelog"),
        *("partner.car-rental.outcomes", "partner.car-rental.enquiries"),
        *("partner.microloan.outcomes", "partner.microloan.enquiries"),
    },
    "operator": {"dead-letters", "dead-letter-redrives"},
    "partner-car-rental": {"partner.car-rental.scores"},
    "partner-microloan": {"partner.microloan.scores"},
}
WRITES = {
    "person": {"consents", "relationships"},
    "producer": {"payments", "consumption", "obligations", "profiles"},
    "pipeline": {
        *("scores", "score-changes", "dead-letters", "peer-signals"),
        *("factor-state-changelog", "factor-state-journal", "factor-state-generations"),
    },
    "gateway": {
        *("partner.car-rental.scores", "partner.microloan.scores", "obligations", "disclosures"),
        *("dead-letters", "gateway-inbox", "gateway-changelog"),
    },
    "operator": {
        *("consents", "payments", "consumption", "obligations", "profiles", "relationships"),
        *("partner.car-rental.outcomes", "partner.car-rental.enquiries"),
        *("partner.microloan.outcomes", "partner.microloan.enquiries", "dead-letter-redrives"),
    },
    "partner-car-rental": {"partner.car-rental.outcomes", "partner.car-rental.enquiries"},
    "partner-microloan": {"partner.microloan.outcomes", "partner.microloan.enquiries"},
}
GROUPS = {"pipeline": {"sesame"}, "gateway": {"gateway"}}
TRANSACTIONS = {
    "pipeline": {"sesame-0", "sesame-1", "sesame-replay-0"},
    "gateway": {"gateway-0", "gateway-1"},
    "operator": {"dead-letter-redrives-0", "dead-letter-redrives-1"},
}


@pytest.fixture
def config(secured: SecuredKafka, prefix: str) -> Callable[[str], dict[str, Any]]:
    """A role's client configuration."""

    def configure(role: str) -> dict[str, Any]:
        settings = secured.settings(user(role), topic_prefix=prefix)
        return confluent_config(settings) | {"log_level": 0}

    return configure


Config = Callable[[str], dict[str, Any]]


def writable(config: dict[str, Any], names: list[str]) -> set[str]:
    """Those topics that take a record."""
    answers: dict[str, KafkaError | None] = {}

    def told(error: KafkaError | None, message: Message) -> None:
        answers[str(message.topic())] = error

    producer = Producer(config | {"message.timeout.ms": round(LIMIT_S * 1_000)})
    for name in names:
        producer.produce(name, b"value", b"key", partition=0, on_delivery=told)
    assert producer.flush(LIMIT_S) == 0
    assert answers.keys() == set(names)
    refused = {error.code() for error in answers.values() if error is not None}
    assert refused <= {KafkaError.TOPIC_AUTHORIZATION_FAILED}
    return {name for name, error in answers.items() if error is None}


def visible(config: dict[str, Any]) -> set[str]:
    """The topics the broker tells of; reading or writing one implies it."""
    return set(AdminClient(config).list_topics(timeout=LIMIT_S).topics)


def readable(config: dict[str, Any], names: list[str]) -> set[str]:
    """Those topics that can be read to their end, by a consumer in no group."""
    seen = visible(config) & set(names)
    # librdkafka wants a group's name; nothing is committed, so the broker is not asked for it.
    own = {"group.id": "none", "enable.auto.commit": False, "enable.partition.eof": True}
    consumer = Consumer(config | own)
    consumer.assign([TopicPartition(name, 0, 0) for name in seen])
    answers: dict[str, int] = {}
    while not answers.keys() >= seen:
        message = consumer.poll(LIMIT_S)
        assert message is not None, f"no answer about {seen - answers.keys()}"
        error = message.error()
        if error is not None and message.topic() is not None:
            answers[str(message.topic())] = error.code()
    consumer.close()
    refused = KafkaError.TOPIC_AUTHORIZATION_FAILED
    assert set(answers.values()) <= {KafkaError._PARTITION_EOF, refused}
    return {name for name, code in answers.items() if code != refused}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_writes_and_reads_its_own_topics_and_no_other(
    config: Config, prefix: str, role: str
) -> None:
    names = [prefix + name for name in sorted(ALL)]
    assert writable(config(role), names) == {prefix + name for name in WRITES[role]}
    assert readable(config(role), names) == {prefix + name for name in READS[role]}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_sees_no_topic_but_those_it_reads_or_writes(
    config: Config, prefix: str, role: str
) -> None:
    # Other tests apply their own prefixes' rules to the same users.
    seen = {name for name in visible(config(role)) if name.startswith(prefix)}
    assert seen == {prefix + name for name in READS[role] | WRITES[role]}


def may_join(config: dict[str, Any], group: str, topic: str) -> bool:
    consumer = Consumer(config | {"group.id": group})
    consumer.subscribe([topic])
    try:
        while True:
            message = consumer.poll(0.2)
            error = message.error() if message is not None else None
            if error is not None:
                assert error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED
                return False
            if consumer.assignment():
                return True
    finally:
        consumer.close()


@pytest.mark.parametrize("role", [role for role in ROLES if READS[role]])
def test_only_workers_join_a_group_and_only_their_own(
    config: Config, prefix: str, role: str
) -> None:
    asked = ("sesame", "gateway", "analysts")
    topic = prefix + min(READS[role])
    joined = {group for group in asked if may_join(config(role), prefix + group, topic)}
    assert joined == GROUPS.get(role, set())


def may_begin(config: dict[str, Any], transactional_id: str) -> bool:
    producer = Producer(config | {"transactional.id": transactional_id})
    try:
        producer.init_transactions(LIMIT_S)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
            return False
        raise
    return True


@pytest.mark.parametrize("role", ROLES)
def test_only_workers_and_the_operator_begin_transactions_and_only_their_own(
    config: Config, prefix: str, role: str
) -> None:
    asked = (
        *("sesame-0", "sesame-1", "sesame-01", "sesame-2", "gateway-0", "gateway-1", "mine"),
        *("sesame-replay-0", "sesame-replay-1"),
        *("dead-letter-redrives-0", "dead-letter-redrives-1", "dead-letter-redrives-2"),
    )
    begun = {name for name in asked if may_begin(config(role), prefix + name)}
    assert begun == TRANSACTIONS.get(role, set())


@pytest.mark.parametrize("role", ROLES)
def test_a_role_makes_and_removes_no_topic_and_sees_no_rules(
    secured: SecuredKafka, config: Config, prefix: str, role: str
) -> None:
    admin = AdminClient(config(role))
    own = prefix + min(WRITES[role])
    new = [NewTopic(name, 1, 1) for name in (f"{prefix}mine", f"{prefix}partner.{role}.scores")]
    refused = [*admin.create_topics(new).values(), *admin.delete_topics([own]).values()]
    for future in refused:
        with pytest.raises(KafkaException) as refusal:
            future.result(LIMIT_S)
        assert refusal.value.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
    with (
        pytest.raises(SesameError, match="the Kafka user may not do this"),
        provision.admin(secured.settings(user(role))) as client,
    ):
        authorizer.found(client)


def test_the_administrator_reads_and_writes_everything(secured: SecuredKafka, prefix: str) -> None:
    config = confluent_config(secured.settings(ADMIN)) | {"log_level": 0}
    names = [prefix + name for name in sorted(ALL)]
    assert writable(config, names) == readable(config, names) == set(names)
