"""Every client library the project uses, by every way of connecting it offers."""

import asyncio
from collections.abc import Callable
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from kafka import KafkaConsumer, KafkaProducer

from pipeline import authorizer, provision
from pipeline.access import Action, Difference, Resource, Rule
from pipeline.kafka import aiokafka_config, confluent_config, kafka_python_config
from pipeline.provision import TopicState
from pipeline.settings import Settings
from tests.integration.security.cluster import ADMIN, WAYS, SecuredKafka, Way

VISITOR = "sesame-person"
PRINCIPALS = {
    "TLS": "User:ANONYMOUS",
    "SCRAM": f"User:{VISITOR}",
    "PLAIN": f"User:{VISITOR}",
    "MUTUAL": f"User:CN={VISITOR}",
}
GROUP = "readers"
LIMIT_S = 120.0


@pytest.fixture(scope="module")
def letters(secured: SecuredKafka) -> str:
    """A topic that a visitor may write, and read with a group, by whatever way it comes."""
    topic = f"letters-{uuid4().hex[:10]}"
    settings = secured.settings(ADMIN)
    rules = [
        Rule(principal, resource, name, operation)
        for principal in sorted(set(PRINCIPALS.values()))
        for resource, name, operation in (
            (Resource.TOPIC, topic, "read"),
            (Resource.TOPIC, topic, "write"),
            (Resource.GROUP, GROUP, "read"),
        )
    ]
    with provision.admin(settings) as client:
        missing = provision.plan({topic: TopicState(settings.partitions, 1, {})}, {})
        provision.apply(client, settings, missing)
        authorizer.apply(client, [Difference(rule, Action.ADD, "") for rule in rules])
    return topic


def by_aiokafka(settings: Settings, topic: str, value: bytes) -> set[bytes]:
    async def exchange() -> set[bytes]:
        config = aiokafka_config(settings)
        async with AIOKafkaProducer(**config) as producer:
            await producer.send_and_wait(topic, value)
        consumer = AIOKafkaConsumer(
            topic, **config, group_id=GROUP, auto_offset_reset="earliest", enable_auto_commit=False
        )
        async with consumer:
            seen = {(await consumer.getone()).value}
            while value not in seen:
                seen.add((await consumer.getone()).value)
        return seen

    return asyncio.run(asyncio.wait_for(exchange(), LIMIT_S))


def by_kafka_python(settings: Settings, topic: str, value: bytes) -> set[bytes]:
    config = kafka_python_config(settings)
    producer = KafkaProducer(**config)
    producer.send(topic, value).get(LIMIT_S)
    producer.close()
    consumer = KafkaConsumer(
        topic,
        **config,
        group_id=GROUP,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        consumer_timeout_ms=LIMIT_S * 1_000,
    )
    seen: set[bytes] = set()
    for record in consumer:
        seen.add(record.value)
        if value in seen:
            break
    consumer.close()
    return seen


def by_confluent(settings: Settings, topic: str, value: bytes) -> set[bytes]:
    config = confluent_config(settings)
    producer = Producer({**config, "enable.idempotence": True})
    producer.produce(topic, value)
    assert producer.flush(LIMIT_S) == 0
    own = {"group.id": GROUP, "auto.offset.reset": "earliest", "enable.auto.commit": False}
    consumer = Consumer({**config, **own})
    consumer.subscribe([topic])
    seen: set[bytes] = set()
    while value not in seen:
        message = consumer.poll(LIMIT_S)
        assert message is not None
        assert message.error() is None
        seen.add(message.value() or b"")
    consumer.close()
    return seen


CLIENTS: dict[str, Callable[[Settings, str, bytes], set[bytes]]] = {
    "aiokafka": by_aiokafka,
    "kafka-python": by_kafka_python,
    "confluent-kafka": by_confluent,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_writes_and_reads(
    secured: SecuredKafka, letters: str, client: str, way: Way
) -> None:
    value = f"{client} {way} {uuid4()}".encode()
    assert value in CLIENTS[client](secured.settings(VISITOR, way), letters, value)


@pytest.mark.parametrize("way", WAYS)
def test_the_administration_clients_see_what_the_visitor_may_see(
    secured: SecuredKafka, letters: str, way: Way
) -> None:
    settings = secured.settings(VISITOR, way)
    with provision.admin(settings) as client:
        assert letters in client.list_topics()
    assert (
        letters in AdminClient({**confluent_config(settings)}).list_topics(timeout=LIMIT_S).topics
    )
