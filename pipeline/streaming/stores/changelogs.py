"""What the brokers say of a changelog: which topic it is, and how long it keeps tombstones."""

import asyncio
import time
from contextlib import suppress

from aiokafka.errors import KafkaConnectionError
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import AuthorizationError, KafkaError

from pipeline import provision
from pipeline.errors import KafkaUnreachableError
from pipeline.settings import Settings
from pipeline.streaming.stores.checkpoint import Identity
from pipeline.topics import Topic

_SHARED_S = 2.0
"""How long an answer serves the other partitions that are taken over with the first."""
_TOMBSTONES = "delete.retention.ms"


class Identities:
    """Asks for changelogs' identities, once for partitions that are taken over together."""

    def __init__(self, settings: Settings) -> None:
        """Set up; nothing is asked yet."""
        self._settings = settings
        self._asking = asyncio.Lock()
        self._told: dict[str, tuple[float, Identity]] = {}

    async def of(self, topic: Topic) -> Identity:
        """The identity of a changelog that is there.

        Raises:
            KafkaConnectionError: No broker answers, or it is not there: to be tried again.
        """
        async with self._asking:
            asked_at, told = self._told.get(topic.name, (0.0, None))
            if told is None or time.monotonic() - asked_at > _SHARED_S:
                asked_at = time.monotonic()
                told = await asyncio.to_thread(_ask, self._settings, topic)
                self._told[topic.name] = asked_at, told
            return told


def _ask(settings: Settings, topic: Topic) -> Identity:
    name = settings.topic(topic.name)
    try:
        with provision.admin(settings) as client:
            (described,) = client.describe_topics([name])
            tombstone_ms = _tombstone_ms(client, name)
    except (KafkaUnreachableError, KafkaError, OSError) as error:
        raise KafkaConnectionError(f"{name} cannot be looked at: {error}") from error
    if described["error_code"]:
        raise KafkaConnectionError(f"{name} is not there")
    return Identity(str(described["topic_id"]), tombstone_ms)


def _tombstone_ms(client: KafkaAdminClient, name: str) -> int | None:
    resource = ConfigResource(ConfigResourceType.TOPIC, name)
    with suppress(AuthorizationError):
        told = client.describe_configs([resource], config_filter="all")["topic"].get(name) or {}
        if _TOMBSTONES in told:
            return int(told[_TOMBSTONES]["value"])
    return None
