"""The broker's properties and logging, fit for one node on one machine."""

from collections.abc import Mapping
from pathlib import Path

HOST = "127.0.0.1"

_PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    # The project makes its topics itself, with the right number of partitions.
    "auto.create.topics.enable": "false",
    # One node holds every replica; a partition of an internal topic costs start-up time.
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # A group of one or two members need not wait for more.
    "group.initial.rebalance.delay.ms": "0",
    # A killed broker may come back only once its former self's session has ended; on a busy
    # machine a shorter one has ended by itself.
    "broker.session.timeout.ms": "5000",
    "broker.heartbeat.interval.ms": "500",
    # 128 MB by default, an eighth of the heap.
    "log.cleaner.dedupe.buffer.size": str(32 << 20),
}

LOGGING = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %-5p %c{1}: %m%n%throwable
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""


def settings(port: int, controller_port: int, *, bind: str = HOST) -> dict[str, str]:
    """The broker's properties but for where its data lie; clients see it on HOST."""
    return {
        **_PROPERTIES,
        "listeners": f"PLAINTEXT://{bind}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
    }


def properties(port: int, controller_port: int, data: Path, extra: Mapping[str, str]) -> str:
    """The text of server.properties; ``extra`` overrides."""
    chosen = {**settings(port, controller_port), "log.dirs": str(data), **extra}
    return "".join(f"{key}={value}\n" for key, value in chosen.items())
