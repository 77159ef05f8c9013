"""Topics by their names (without prefix): partners' and later generations' too."""

import re
from collections.abc import Iterable

from pipeline import provision, topics
from pipeline.erasure.retention import Config
from pipeline.errors import SesameError
from pipeline.settings import Settings
from pipeline.topics import Cleanup, Topic

_PARTNERS = re.compile(r"partner\.([^.]+)\.(?:scores|outcomes|enquiries)")


def topic_of(name: str) -> Topic | None:
    """The topic of a name; None: it is none of the pipeline's."""
    generation = topics.generation_of(name)
    if generation is not None:
        return topics.changelog_of(generation)
    partner = _PARTNERS.fullmatch(name)
    every = topics.for_partners([partner[1]]) if partner else iter(topics.ALL)
    return next((topic for topic in every if topic.name == name), None)


def is_compacted(name: str) -> bool:
    """Whether a topic keeps the latest record of each key."""
    topic = topic_of(name)
    return topic is not None and topic.cleanup is Cleanup.COMPACT


def read_configs(settings: Settings, names: Iterable[str]) -> dict[str, Config]:
    """Each topic's configuration; what it should be where we may not ask.

    Raises:
        KafkaUnreachableError: No broker answers.
    """
    known = {name: topic for name in names if (topic := topic_of(name)) is not None}
    configs: dict[str, Config] = {name: topic.config() for name, topic in known.items()}
    full_names = {settings.topic(name): name for name in known}
    with provision.admin(settings) as client:
        try:
            found = provision.found(client, full_names)
        except SesameError:
            return configs
    return configs | {full_names[name]: state.config for name, state in found.items()}
