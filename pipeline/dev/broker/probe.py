"""Free ports, and whether a broker answers."""

import contextlib
import socket
import time
from collections.abc import Callable, Mapping

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from pipeline.dev.broker import config
from pipeline.dev.broker.errors import BrokerError

_POLL_S = 0.1


def wait_until_answering(
    bootstrap: str,
    timeout_s: float,
    still_there: Callable[[], bool] = lambda: True,
    client: Mapping[str, str] | None = None,
) -> None:
    """Wait until a Kafka answers a metadata request.

    Args:
        bootstrap: ``host:port``.
        timeout_s: How long.
        still_there: Asked now and then; waiting ends once it says no.
        client: Properties of the client that asks, where it takes more than an address.

    Raises:
        BrokerError: It did not in time, or ``still_there`` says that it is gone.
    """
    asking = AdminClient(
        {
            "bootstrap.servers": bootstrap,
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 100,
            "log_level": 0,
            **(client or {}),
        }
    )
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if not still_there():
            raise BrokerError("Kafka ended while starting")
        with contextlib.suppress(KafkaException):
            if asking.list_topics(timeout=_POLL_S).brokers:
                return
    raise BrokerError(f"no Kafka answered at {bootstrap} within {timeout_s:.0f} s")


def free_port(wanted: int = 0) -> int:
    """A free loopback port, or ``wanted`` if it is free.

    Raises:
        BrokerError: It is taken.
    """
    with socket.socket() as probe:
        # As the JVM does, so that a connection still closing is no obstacle to a restart.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.HOST, wanted))
        except OSError as error:
            raise BrokerError(
                f"port {wanted} on {config.HOST} is taken ({error.strerror}); stop what uses "
                "it or choose another port"
            ) from error
        number: int = probe.getsockname()[1]
        return number
