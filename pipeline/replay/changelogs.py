"""The changelogs of generations, made for a replay and deleted when nothing points to them."""

import time
from collections.abc import Collection

from kafka import KafkaAdminClient
from kafka.errors import KafkaError, UnknownTopicOrPartitionError

from pipeline import provision, topics
from pipeline.errors import SesameError
from pipeline.failpoints import Failpoint, hit
from pipeline.settings import Settings

_GONE_S = 30.0
_POLL_S = 0.2


def make_next(settings: Settings, pointed: Collection[int]) -> int:
    """Make the changelog of a generation that never was; its number.

    A replay that was killed leaves its changelog behind, and may be only asleep: nobody else
    writes to it.
    """
    with provision.admin(settings) as client:
        generation = max([*provision.generations(client, settings), *pointed]) + 1
        _make(client, settings, generation)
    hit(Failpoint.REPLAY_MADE)
    return generation


def delete_before(settings: Settings, generation: int) -> list[int]:
    """Delete the changelogs of all former generations; which were.

    Only once every partition was switched over to ``generation``: they are never switched back,
    so nothing can point to a former one again. The first belongs to the topics that always are:
    it is made again, empty.

    Raises:
        SesameError: The broker has refused; the generations in use are not affected.
    """
    with provision.admin(settings) as client:
        found = provision.generations(client, settings)
        gone = {number: name for number, name in found.items() if number < generation}
        try:
            for name in gone.values():
                _delete(client, name)
                hit(Failpoint.REPLAY_DELETED)
            if 1 in gone:
                _make(client, settings, 1)
        except KafkaError as error:
            raise SesameError(f"former changelogs could not be deleted: {error}") from error
    return list(gone)


def _make(client: KafkaAdminClient, settings: Settings, generation: int) -> None:
    topic = topics.changelog_of(generation)
    should = {settings.topic(topic.name): provision.state_of(settings, topic)}
    provision.apply(client, settings, provision.plan(should, provision.found(client, should)))
    provision.wait_for_leaders(client, should)


def _delete(client: KafkaAdminClient, name: str) -> None:
    """Delete a topic; returns once its name is free."""
    try:
        client.delete_topics([name])
    except UnknownTopicOrPartitionError:
        return
    deadline = time.monotonic() + _GONE_S
    while name in client.list_topics():
        if time.monotonic() > deadline:
            raise SesameError(f"{name} is still there {_GONE_S:.0f} s after it was deleted")
        time.sleep(_POLL_S)
