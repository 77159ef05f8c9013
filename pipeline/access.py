"""Who may do what on the brokers: access rules made from the topics' writers and readers.

Each role has a Kafka user of its own and exactly the rules its programs ask the broker for.
Kafka reads READ and WRITE as DESCRIBE too, and lets who may write anywhere be an idempotent
producer, so neither has a rule.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pipeline import topics
from pipeline.settings import Settings
from pipeline.topics import Role, Topic

EVERYWHERE = "*"
"""The host of a rule that asks for none, and the name of a resource that is all of its type."""
_ANYBODY = "ID"
"""Stands for any partner's id, in which no letter is a capital."""
_ID = "[^.]+"


class Resource(StrEnum):
    """What a rule is about; the project uses no other types."""

    TOPIC = "topic"
    GROUP = "group"
    TRANSACTIONAL_ID = "transactional_id"


class Pattern(StrEnum):
    """How a rule's name is held against a resource's."""

    LITERAL = "literal"
    PREFIXED = "prefixed"


class Permission(StrEnum):
    """What a rule says."""

    ALLOW = "allow"
    DENY = "deny"


READ = "read"
WRITE = "write"
CREATE = "create"
DELETE = "delete"
DESCRIBE_CONFIGS = "describe_configs"


@dataclass(frozen=True, slots=True, order=True)
class Rule:
    """One access rule (ACL); ``operation`` is Kafka's name in lower case."""

    principal: str
    resource: Resource
    name: str
    operation: str
    pattern: Pattern = Pattern.LITERAL
    permission: Permission = Permission.ALLOW
    host: str = EVERYWHERE


class Action(StrEnum):
    """What a difference calls for."""

    ADD = "add"
    REMOVE = "remove"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class Difference:
    """One rule that is missing, or there and not wanted; ``reason`` says why in words."""

    rule: Rule
    action: Action
    reason: str


def principal(settings: Settings, role: Role, partner_id: str | None = None) -> str:
    """The Kafka principal of a role; a partner's has its id.

    >>> principal(Settings(), Role.PARTNER, "microloan")
    'User:sesame-partner-microloan'
    """
    name = str(role) if partner_id is None else f"{role}-{partner_id}"
    return "User:" + settings.principal.replace("{role}", name)


def replay_id(settings: Settings) -> str:
    """What a replay's transactional id begins with, after the prefix."""
    return f"{settings.app_id}-replay"


def joint_stem(group: str) -> str:
    """What the transactional ids begin with that lanes of a group's workers have in common.

    No group's name has a tilde, so no other group's ids begin the same.

    >>> joint_stem("sesame")
    'sesame~'
    """
    return f"{group}~"


def wanted(settings: Settings, partner_ids: Sequence[str]) -> list[Rule]:
    """Every rule of the pipeline and of these partners."""
    return [
        *_of_topics(settings, topics.ALL, None),
        *(
            rule
            for partner_id in partner_ids
            for rule in _of_topics(settings, topics.for_partners([partner_id]), partner_id)
        ),
        *_of_generations(settings),
        *_of_worker(settings, Role.PIPELINE, settings.app_id),
        *_of_joint(settings, Role.PIPELINE, settings.app_id),
        *_of_transactions(settings, Role.PIPELINE, replay_id(settings), 1),
        *_of_worker(settings, Role.GATEWAY, settings.gateway_app_id),
        *_of_joint(settings, Role.GATEWAY, settings.gateway_app_id),
        *_of_transactions(
            settings, Role.OPERATOR, topics.DEAD_LETTER_REDRIVES.name, settings.partitions
        ),
    ]


def plan(settings: Settings, should: Sequence[Rule], found: Collection[Rule]) -> list[Difference]:
    """What differs: rules to add in the order of ``should``, then those nobody wants.

    Only rules of our principals on our topics, groups and transactional ids are to go. One of
    them that reaches further, or forbids, was made by hand and is for its maker to judge.
    """
    have, want = set(found), set(should)
    surplus = sorted(rule for rule in have - want if _is_our_user(settings, rule.principal))
    names = _names(should)
    return [
        *(Difference(rule, Action.ADD, "is missing") for rule in should if rule not in have),
        *_surplus(settings, surplus, names),
    ]


def _of_topics(
    settings: Settings, every: Iterable[Topic], partner_id: str | None
) -> Iterator[Rule]:
    for topic in every:
        name = settings.topic(topic.name)
        for operation, roles in ((READ, topic.readers), (WRITE, topic.writers)):
            for role in sorted(roles):
                whose = partner_id if role is Role.PARTNER else None
                yield Rule(principal(settings, role, whose), Resource.TOPIC, name, operation)


def _of_generations(settings: Settings) -> Iterator[Rule]:
    """Replays make a changelog each and delete the former one, the first to make it anew empty.

    Who goes on from a checkpoint of its own asks for how long changelogs tell that a key is gone.
    """
    who, stem = principal(settings, Role.PIPELINE), settings.topic(topics.GENERATIONS_STEM)
    for operation in (READ, WRITE, CREATE, DELETE, DESCRIBE_CONFIGS):
        # No other topic's name begins the same.
        yield Rule(who, Resource.TOPIC, stem, operation, Pattern.PREFIXED)
    for operation in (CREATE, DELETE, DESCRIBE_CONFIGS):
        yield Rule(who, Resource.TOPIC, settings.topic(topics.CHANGELOG.name), operation)


def _of_worker(settings: Settings, role: Role, group: str) -> Iterator[Rule]:
    """What a worker needs beside topics: its group, and a producer for each partition."""
    yield Rule(principal(settings, role), Resource.GROUP, settings.topic_prefix + group, READ)
    yield from _of_transactions(settings, role, group, settings.partitions)


def _of_transactions(settings: Settings, role: Role, stem: str, count: int) -> Iterator[Rule]:
    who, name = principal(settings, role), settings.topic_prefix + stem
    for partition in range(count):
        # One by one: a prefix would take in all ids that only begin the same.
        yield Rule(who, Resource.TRANSACTIONAL_ID, f"{name}-{partition}", WRITE)


def _of_joint(settings: Settings, role: Role, group: str) -> Iterator[Rule]:
    """The producers that lanes have in common: each worker has another, and often a new one."""
    who, stem = principal(settings, role), settings.topic_prefix + joint_stem(group)
    yield Rule(who, Resource.TRANSACTIONAL_ID, stem, WRITE, Pattern.PREFIXED)


def _surplus(
    settings: Settings, rules: Iterable[Rule], names: dict[Resource, set[str]]
) -> Iterator[Difference]:
    former = _partner_topic(settings)
    for rule in rules:
        ours = rule.name in names[rule.resource] or (
            rule.resource is Resource.TOPIC and former.fullmatch(rule.name) is not None
        )
        if rule.pattern is Pattern.LITERAL and ours:
            if rule.permission is Permission.ALLOW:
                yield Difference(rule, Action.REMOVE, "is not wanted")
            else:
                yield Difference(rule, Action.REVIEW, "forbids; not removed")
        elif _covers(rule, names[rule.resource]):
            reason = "reaches further than one name of ours; not removed"
            yield Difference(rule, Action.REVIEW, reason)


def _covers(rule: Rule, names: Iterable[str]) -> bool:
    """Whether a rule for more than one name takes in any of these."""
    if rule.pattern is Pattern.PREFIXED:
        return any(name.startswith(rule.name) for name in names)
    return rule.name == EVERYWHERE


def _names(rules: Iterable[Rule]) -> dict[Resource, set[str]]:
    names: dict[Resource, set[str]] = {resource: set() for resource in Resource}
    for rule in rules:
        names[rule.resource].add(rule.name)
    return names


def _is_our_user(settings: Settings, principal_: str) -> bool:
    before, after = ("User:" + settings.principal).split("{role}")
    roles = "|".join(role for role in Role if role is not Role.PARTNER)
    ours = f"{re.escape(before)}(?:{roles}|{Role.PARTNER}-{_ID}){re.escape(after)}"
    return re.fullmatch(ours, principal_) is not None


def _partner_topic(settings: Settings) -> re.Pattern[str]:
    """Matches the topics of any partner, also of one that is no longer registered."""
    names = [settings.topic(topic.name) for topic in topics.for_partners([_ANYBODY])]
    prefix = re.escape(settings.topic_prefix)
    tails = [re.escape(name[len(settings.topic_prefix) :]) for name in names]
    return re.compile("|".join(prefix + tail.replace(_ANYBODY, _ID) for tail in tails))
