"""What the brokers say of a changelog: which topic it is, and how long it keeps tombstones."""

import asyncio
import time

from aiokafka.errors import KafkaConnectionError
from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from pipeline.kafka import confluent_config
from pipeline.settings import Settings
from pipeline.streaming.stores.checkpoint import Identity
from pipeline.topics import Topic

_TOMBSTONES = "delete.retention.ms"


class Identities:
    """Asks for changelogs' identities, once for all that wait for an answer."""

    def __init__(self, settings: Settings) -> None:
        """Set up; nothing is asked yet."""
        self._settings = settings
        self._asking = asyncio.Lock()
        self._told: dict[str, tuple[float, Identity]] = {}

    async def of(self, topic: Topic) -> Identity:
        """The identity of a changelog that is there, as it is after this was called.

        Raises:
            KafkaConnectionError: No broker answers, or it is not there: to be tried again.
        """
        called_at = time.monotonic()
        async with self._asking:
            asked_at, told = self._told.get(topic.name, (0.0, None))
            if told is None or asked_at < called_at:
                asked_at = time.monotonic()
                told = await asyncio.to_thread(_ask, self._settings, topic)
                self._told[topic.name] = asked_at, told
            return told


def _ask(settings: Settings, topic: Topic) -> Identity:
    name = settings.topic(topic.name)
    limit_s = settings.request_timeout_s
    client = AdminClient({**confluent_config(settings), "log_level": 0})
    resource = ConfigResource(ResourceType.TOPIC, name)
    described = client.describe_topics(TopicCollection([name]), request_timeout=limit_s)[name]
    configured = client.describe_configs([resource], request_timeout=limit_s)[resource]
    try:
        topic_id = str(described.result().topic_id)
    except KafkaException as error:
        raise KafkaConnectionError(f"{name} cannot be looked at: {error}") from error
    try:
        tombstone_ms = int(configured.result()[_TOMBSTONES].value)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_AUTHORIZATION_FAILED:
            raise KafkaConnectionError(f"{name} cannot be looked at: {error}") from error
        tombstone_ms = None
    return Identity(topic_id, tombstone_ms)
