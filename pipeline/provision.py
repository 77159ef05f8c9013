"""Bring the topics on the broker to what the registry of topics says.

Creates and re-configures; never deletes, and never changes a partition count, which would
move people to other partitions and away from their state.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum

import kafka
from kafka.admin import ConfigResource, ConfigResourceType, OffsetSpec
from kafka.errors import (
    AuthorizationError,
    KafkaError,
    RetriableError,
    TopicAlreadyExistsError,
    UnknownBrokerIdError,
)

from pipeline import topics
from pipeline.connection import check_connection
from pipeline.errors import KafkaUnreachableError, SesameError
from pipeline.kafka import kafka_python_config
from pipeline.settings import Settings
from pipeline.topics import Topic

BOOTSTRAP_TIMEOUT_MS = 10_000
"""How long the first answer of a broker may take."""
_LEADERS_S = 60
"""How long brokers may take to make the logs of new partitions."""
_LOOK_EVERY_S = 0.1


class Action(StrEnum):
    """What a difference calls for."""

    CREATE = "create"
    CONFIGURE = "configure"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class TopicState:
    """How a topic is, or should be, on the broker."""

    partitions: int
    replication_factor: int
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """One topic that is not as it should be.

    ``config`` holds the entries to set; ``reason`` says it in words.
    """

    topic: str
    action: Action
    reason: str
    config: Mapping[str, str]


class TopicConflictError(SesameError):
    """Topics differ in what must not be changed under a running pipeline."""

    def __init__(self, conflicts: Iterable[Difference]) -> None:
        super().__init__(
            "\n".join(f"{d.topic}: {d.reason}; delete and recreate it by hand" for d in conflicts)
        )


def wanted(settings: Settings, partner_ids: Sequence[str]) -> dict[str, TopicState]:
    """Every topic of the pipeline and of these partners, by full name."""
    every = (*topics.ALL, *topics.for_partners(list(partner_ids)))
    return {settings.topic(topic.name): state_of(settings, topic) for topic in every}


def state_of(settings: Settings, topic: Topic) -> TopicState:
    """How a topic should be."""
    copies = settings.replication_factor
    durable = {"min.insync.replicas": str(max(1, copies - 1))}
    return TopicState(settings.partitions, copies, topic.config() | durable)


def generations(client: kafka.KafkaAdminClient, settings: Settings) -> dict[int, str]:
    """The changelogs that are there, by generation."""
    prefix = settings.topic_prefix
    names = (name for name in client.list_topics() if name.startswith(prefix))
    found = {topics.generation_of(name[len(prefix) :]): name for name in names}
    return {number: found[number] for number in sorted(n for n in found if n is not None)}


def of_generations(client: kafka.KafkaAdminClient, settings: Settings) -> dict[str, TopicState]:
    """How the changelogs should be that replays have made, by full name."""
    return {
        name: state_of(settings, topics.changelog_of(number))
        for number, name in generations(client, settings).items()
    }


def plan(should: Mapping[str, TopicState], found: Mapping[str, TopicState]) -> list[Difference]:
    """What differs, in the order of ``should``; topics of others are left alone."""
    differences: list[Difference] = []
    for name, state in should.items():
        present = found.get(name)
        if present is None:
            reason = f"is missing; {state.partitions} partitions"
            differences.append(Difference(name, Action.CREATE, reason, state.config))
        else:
            differences.extend(_compare(name, state, present))
    return differences


def _compare(name: str, should: TopicState, present: TopicState) -> Iterator[Difference]:
    if present.partitions != should.partitions:
        reason = f"has {present.partitions} partitions, not {should.partitions}"
        yield Difference(name, Action.REFUSE, reason, {})
    wrong = {k: v for k, v in should.config.items() if present.config.get(k) != v}
    if wrong:
        changes = [f"{key} is {present.config.get(key)}, not {wrong[key]}" for key in wrong]
        yield Difference(name, Action.CONFIGURE, ", ".join(changes), wrong)


@contextmanager
def admin(settings: Settings) -> Iterator[kafka.KafkaAdminClient]:
    """An administration client, closed on leaving.

    Raises:
        KafkaUnreachableError: No broker answers.
        RefusedError: The brokers do not let us in; the message names the setting.
        SesameError: A broker refuses what it is asked inside.
    """
    check_connection(settings)
    config = kafka_python_config(settings)
    patience_ms = min(BOOTSTRAP_TIMEOUT_MS, config["request_timeout_ms"])
    try:
        client = kafka.KafkaAdminClient(**config, bootstrap_timeout_ms=patience_ms)
    except (KafkaError, OSError) as error:
        reason = str(error) or type(error).__name__
        raise KafkaUnreachableError(settings.bootstrap, reason) from error
    try:
        yield client
    except AuthorizationError as error:
        raise SesameError(f"the Kafka user may not do this: {error}") from error
    finally:
        client.close()


def found(client: kafka.KafkaAdminClient, names: Iterable[str]) -> dict[str, TopicState]:
    """Those of the named topics that exist, with the entries of their configuration.

    Raises:
        SesameError: We may see a topic and not its configuration.
    """
    existing = sorted(set(client.list_topics()) & set(names))
    if not existing:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in existing]
    configs = client.describe_configs(resources, config_filter="all")["topic"]
    hidden = [name for name in existing if not configs.get(name)]
    if hidden:
        raise SesameError(f"the Kafka user may not see the configuration of {', '.join(hidden)}")
    return {
        topic["name"]: TopicState(
            partitions=len(topic["partitions"]),
            replication_factor=len(topic["partitions"][0]["replica_nodes"]),
            config={key: entry["value"] for key, entry in configs[topic["name"]].items()},
        )
        for topic in client.describe_topics(existing)
    }


def apply(
    client: kafka.KafkaAdminClient, settings: Settings, differences: Sequence[Difference]
) -> None:
    """Create and re-configure; new partitions take records once `wait_for_leaders` returns.

    Raises:
        KafkaError: The broker refuses.
    """
    creations = [d for d in differences if d.action is Action.CREATE]
    if creations:
        _create(client, settings, creations)
    changes = [d for d in differences if d.action is Action.CONFIGURE]
    if changes:
        _configure(client, changes)


def _create(
    client: kafka.KafkaAdminClient, settings: Settings, creations: Sequence[Difference]
) -> None:
    options = {
        d.topic: {
            "num_partitions": settings.partitions,
            "replication_factor": settings.replication_factor,
            "configs": dict(d.config),
        }
        for d in creations
    }
    # Another process may be creating them too; the broker goes on with the rest.
    with suppress(TopicAlreadyExistsError):
        client.create_topics(options)
    client.wait_for_topics(list(options))


def wait_for_leaders(client: kafka.KafkaAdminClient, names: Iterable[str]) -> None:
    """Wait until the leader of each partition of these topics knows that it is one.

    A broker names the leaders of new partitions before they have made their logs, and refuses what
    is sent to them until then. Of an idempotent producer that has several requests under way, a
    later one may so come before the first; the first, sent again, is then taken for a duplicate:
    acknowledged, and lost.

    Raises:
        SesameError: One does not, within a minute.
    """
    topics_asked, deadline = list(names), time.monotonic() + _LEADERS_S
    while (left_s := deadline - time.monotonic()) > 0:
        try:
            asked = {
                kafka.TopicPartition(topic["name"], number): OffsetSpec.LATEST
                for topic in client.describe_topics(topics_asked)
                for number in range(len(topic["partitions"]))
            }
            client.list_partition_offsets(asked, timeout_ms=round(left_s * 1_000))
        except (RetriableError, UnknownBrokerIdError) as error:
            why = error
            time.sleep(_LOOK_EVERY_S)
        else:
            return
    raise SesameError(f"partitions have no leader that takes records yet: {why!r}")


def _configure(client: kafka.KafkaAdminClient, changes: Sequence[Difference]) -> None:
    resources = [ConfigResource(ConfigResourceType.TOPIC, d.topic, dict(d.config)) for d in changes]
    answers = client.alter_configs(resources)["topic"]
    refused = [f"{topic}: {answer}" for topic, answer in answers.items() if answer != "OK"]
    if refused:
        raise SesameError("\n".join(refused))


def ensure_topics(settings: Settings, partner_ids: Sequence[str]) -> list[Difference]:
    """Make every topic exist, be right and take records; returns what was changed.

    Raises:
        KafkaUnreachableError: No broker answers.
        TopicConflictError: A topic has another partition count; nothing was changed.
    """
    should = wanted(settings, partner_ids)
    with admin(settings) as client:
        differences = plan(should, found(client, should))
        conflicts = [d for d in differences if d.action is Action.REFUSE]
        if conflicts:
            raise TopicConflictError(conflicts)
        apply(client, settings, differences)
        # Of all: another process may just have made what was there.
        wait_for_leaders(client, should)
    return differences
