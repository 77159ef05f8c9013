"""The Kafka of a demo: one of its own, or the one that SESAME_BOOTSTRAP names."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from kafka.errors import KafkaError

from pipeline import provision
from pipeline.dev.broker import EmbeddedBroker, jars
from pipeline.dev.broker.java import ClassArchive, find_java
from pipeline.dev.demo.background import Background
from pipeline.dev.demo.children import log_tail
from pipeline.dev.demo.errors import DemoError
from pipeline.dev.demo.interrupts import Interrupts
from pipeline.dev.demo.progress import Progress
from pipeline.settings import Settings, load, variable

_POLL_S = 0.05
_ABANDON_S = 60.0
_TOLD = ("bootstrap", "partitions", "replication_factor", "security_protocol", "topic_prefix")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A Kafka in reach; ``check`` raises when it is ours and has ended."""

    settings: Settings
    check: Callable[[], None]


def is_given(settings: Settings) -> bool:
    """Whether the environment names a Kafka to use."""
    return "bootstrap" in settings.model_fields_set


@contextmanager
def own_kafka(
    directory: Path, partitions: int, progress: Progress, interrupts: Interrupts
) -> Iterator[Cluster]:
    """A broker of our own while the context lasts.

    Raises:
        BrokerError: There is no Java, the jars cannot be had, or Kafka did not start.
    """
    starts_quickly = _prepare(progress, interrupts)
    title = f"Apache Kafka {jars.KAFKA_VERSION} of our own"
    progress.begin(title)
    broker = EmbeddedBroker(directory)
    try:
        _start(broker, interrupts)
        progress.end(f"{title} at {broker.bootstrap}")
        current = load(
            bootstrap=broker.bootstrap,
            partitions=partitions,
            replication_factor=1,
            security_protocol="PLAINTEXT",
        )
        yield Cluster(current, partial(_check, broker))
        if not starts_quickly:
            # Stopped in good order it leaves what makes the next start quick.
            broker.stop()
    finally:
        broker.kill()


def _check(broker: EmbeddedBroker) -> None:
    if not broker.running:
        raise DemoError(f"Kafka has ended; {log_tail(broker.log_path)}")


def _prepare(progress: Progress, interrupts: Interrupts) -> bool:
    """Have what must be downloaded, which may take long; whether Kafka's classes are archived."""
    with interrupts.at_once():
        java = find_java()
        cache = jars.cache_directory() / f"kafka-{jars.KAFKA_VERSION}"
        if not all((cache / jar.file_name).exists() for jar in jars.read_lock()):
            progress.begin("Fetching Apache Kafka, this once")
            jars.provide(cache)
            progress.end(f"Fetched Apache Kafka to {cache}")
    archive = ClassArchive(java, cache)
    return archive.path.exists() or not java.has_base_archive


def _start(broker: EmbeddedBroker, interrupts: Interrupts) -> None:
    """Start it in a thread: whatever interrupts us, we know whether there is a process."""
    starting = Background(broker.start)
    while not starting.wait(_POLL_S):
        if interrupts.noted:
            _abandon(broker, starting)
            interrupts.check()
    starting.result()


def _abandon(broker: EmbeddedBroker, starting: Background[None]) -> None:
    deadline = time.monotonic() + _ABANDON_S
    while not starting.wait(_POLL_S) and time.monotonic() < deadline:
        if broker.pid is not None:
            broker.kill()


@contextmanager
def given_kafka(settings: Settings, partitions: int, progress: Progress) -> Iterator[Cluster]:
    """The Kafka of the settings while the context lasts, with topics nobody else uses.

    The topics have a prefix of their own, and are removed in the end; a prefix in the
    settings is kept and its topics stay.

    Raises:
        KafkaUnreachableError: No broker answers.
        DemoError: Topics with the prefix of the settings are there already.
    """
    progress.begin("Kafka")
    named = bool(settings.topic_prefix)
    prefix = settings.topic_prefix or f"demo-{uuid.uuid4().hex[:8]}."
    current = load(partitions=partitions, topic_prefix=prefix)
    with provision.admin(current) as client:
        there = sorted(t for t in client.list_topics() if named and t.startswith(prefix))
    if there:
        raise DemoError(
            f"{there[0]} and {len(there) - 1} other topics are at {current.bootstrap} already: "
            f"choose another {variable('topic_prefix')}, or leave it out"
        )
    progress.end(f"Kafka at {current.bootstrap}, topics {prefix}*")
    try:
        yield Cluster(current, lambda: None)
    finally:
        if not named:
            _remove(current)


def _remove(settings: Settings) -> None:
    """Delete the demo's topics and its consumer groups."""
    prefix = settings.topic_prefix
    with provision.admin(settings) as client:
        ours = [topic for topic in client.list_topics() if topic.startswith(prefix)]
        try:
            client.delete_topics(ours)
            client.delete_groups([prefix + settings.app_id, prefix + settings.gateway_app_id])
        except KafkaError as error:
            raise DemoError(f"topics {prefix}* may be left over: {error}") from error


def environment(settings: Settings) -> dict[str, str]:
    """What children have to be told to use the same Kafka, by variable."""
    return {variable(name): str(getattr(settings, name)) for name in _TOLD}


def unusual(settings: Settings) -> dict[str, str]:
    """The part of ``environment`` that is not the default."""
    defaults = {variable(name): str(Settings.model_fields[name].default) for name in _TOLD}
    return dict(environment(settings).items() - defaults.items())
