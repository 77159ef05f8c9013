"""Whether the topics that a role reads and writes are there, before anything runs on them."""

from collections.abc import Sequence

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from pipeline import topics
from pipeline.connection import check_connection
from pipeline.errors import KafkaUnreachableError, RefusedError
from pipeline.kafka import confluent_config
from pipeline.settings import Settings
from pipeline.topics import Role, Topic

_PATIENCE_S = 10.0
"""How long the first answer of a broker may take."""


def topics_of(role: Role, partner_ids: Sequence[str]) -> list[Topic]:
    """Every topic a role reads or writes, those of the named partners included."""
    every = (*topics.ALL, *topics.for_partners(list(partner_ids)))
    return [topic for topic in every if role in topic.readers | topic.writers]


def wrong_topics(settings: Settings, checked: Sequence[Topic]) -> list[str]:
    """A line for each topic that is missing or has another partition count.

    Raises:
        KafkaUnreachableError: No broker answers.
    """
    names = [settings.topic(topic.name) for topic in checked]
    partitions = _partition_counts(settings)
    lines: list[str] = []
    for name in names:
        if name not in partitions:
            lines.append(f"{name} is missing; {settings.partitions} partitions")
        elif partitions[name] != settings.partitions:
            lines.append(f"{name} has {partitions[name]} partitions, not {settings.partitions}")
    return lines


def _partition_counts(settings: Settings) -> dict[str, int]:
    """Of the topics there are, by name; a worker's start does not wait for another client's load.

    Raises:
        KafkaUnreachableError: No broker answers.
        RefusedError: The brokers do not let us in; the message names the setting.
    """
    check_connection(settings)
    client = AdminClient({**confluent_config(settings), "log_level": 0})
    try:
        told = client.list_topics(timeout=min(_PATIENCE_S, settings.request_timeout_s))
    except KafkaException as error:
        raise KafkaUnreachableError(settings.bootstrap, error.args[0].str()) from error
    return {name: len(topic.partitions) for name, topic in told.topics.items() if not topic.error}


def topic_ids(settings: Settings, asked: Sequence[Topic]) -> dict[str, str]:
    """The ids of those topics that are there, by name without prefix; made anew, one has another.

    Raises:
        KafkaUnreachableError: No broker answers.
    """
    from pipeline import provision  # noqa: PLC0415 - workers start without it

    names = {settings.topic(topic.name): topic.name for topic in asked}
    with provision.admin(settings) as client:
        described = client.describe_topics(list(names))
    return {names[t["name"]]: str(t["topic_id"]) for t in described if not t["error_code"]}


def check_topics(settings: Settings, checked: Sequence[Topic]) -> None:
    """Refuse topics that are missing or have another partition count.

    Raises:
        RefusedError: Some do; the message names them.
        KafkaUnreachableError: No broker answers.
    """
    if lines := wrong_topics(settings, checked):
        found = "\n".join(lines)
        raise RefusedError(f"{found}\n`sesame topics apply` creates what is missing")
