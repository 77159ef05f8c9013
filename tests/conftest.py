"""What all tests share: hypothesis profiles, and the Kafka that integration tests speak to.

SESAME_TEST_BOOTSTRAP names a running Kafka; without it, where a Docker engine answers and
has the image SESAME_TEST_KAFKA_IMAGE, a container; else a broker as a child process.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import docker  # type: ignore[import-untyped]
import hypothesis
import pytest
from docker.errors import DockerException  # type: ignore[import-untyped]

from pipeline.dev.broker import BrokerError, EmbeddedBroker, config, wait_until_answering

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

DEFAULT_IMAGE = "apache/kafka:4.1.1"
LOG_TAIL = 4_000

# Always the same examples: a red build is red again when it is run again.
hypothesis.settings.register_profile("ci", derandomize=True, deadline=None)
hypothesis.settings.register_profile("search", deadline=None, max_examples=2_000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def kafka_image() -> str | None:
    """The image to run Kafka from; None where there is no engine or it has no such image.

    An image that is named in the environment is taken at its word and pulled if need be.
    """
    named = os.environ.get("SESAME_TEST_KAFKA_IMAGE")
    try:
        with closing(docker.from_env(timeout=5)) as client:
            client.ping()
            if not named:
                client.images.get(DEFAULT_IMAGE)
    except DockerException:
        return None
    return named or DEFAULT_IMAGE


def pytest_report_header() -> str:
    given = os.environ.get("SESAME_TEST_BOOTSTRAP")
    if given:
        return f"kafka: {given}"
    image = kafka_image()
    return f"kafka: container of {image}" if image else "kafka: child process"


def is_running(container: "DockerContainer") -> bool:
    wrapped = container.get_wrapped_container()
    wrapped.reload()
    return bool(wrapped.status == "running")


@contextmanager
def container(image: str) -> Iterator[str]:
    # Its reaper is one more image, and the context manager ends the container.
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415 - reads it on import

    with socket.socket() as probe:
        probe.bind((config.HOST, 0))
        port: int = probe.getsockname()[1]
    # A port known beforehand, as the broker has to tell clients where it is.
    settings = config.settings(port, controller_port=9093, bind="0.0.0.0")  # noqa: S104 - inside
    environment = {f"KAFKA_{k.upper().replace('.', '_')}": v for k, v in settings.items()}
    kafka = DockerContainer(image).with_envs(**environment)
    # Only this machine may reach it; with_bind_ports() would publish it on every interface.
    kafka.ports[str(port)] = (config.HOST, port)  # type: ignore[assignment]
    with kafka:
        bootstrap = f"{config.HOST}:{port}"
        try:
            wait_until_answering(bootstrap, timeout_s=60, still_there=lambda: is_running(kafka))
        except BrokerError as error:
            error.add_note(b"".join(kafka.get_logs()).decode(errors="replace")[-LOG_TAIL:])
            raise
        yield bootstrap


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """The bootstrap address of a Kafka for the whole run."""
    given = os.environ.get("SESAME_TEST_BOOTSTRAP")
    image = None if given else kafka_image()
    if given:
        wait_until_answering(given, timeout_s=10)
        yield given
    elif image:
        with container(image) as bootstrap:
            yield bootstrap
    else:
        with EmbeddedBroker() as broker:
            yield broker.bootstrap
