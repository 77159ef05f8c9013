"""Whether the topics that a role reads and writes are there, before anything runs on them."""

from collections.abc import Sequence

from pipeline import provision, topics
from pipeline.errors import RefusedError
from pipeline.settings import Settings
from pipeline.topics import Role, Topic


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
    with provision.admin(settings) as client:
        existing = set(client.list_topics())
        described = client.describe_topics([name for name in names if name in existing])
    partitions = {topic["name"]: len(topic["partitions"]) for topic in described}
    lines: list[str] = []
    for name in names:
        if name not in partitions:
            lines.append(f"{name} is missing; {settings.partitions} partitions")
        elif partitions[name] != settings.partitions:
            lines.append(f"{name} has {partitions[name]} partitions, not {settings.partitions}")
    return lines


def topic_ids(settings: Settings, asked: Sequence[Topic]) -> dict[str, str]:
    """The ids of those topics that are there, by name without prefix; made anew, one has another.

    Raises:
        KafkaUnreachableError: No broker answers.
    """
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
