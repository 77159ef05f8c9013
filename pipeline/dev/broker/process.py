"""EmbeddedBroker: start, stop, kill and restart a Kafka of one's own."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from pipeline.dev.broker import config, guard, jars
from pipeline.dev.broker.errors import BrokerError
from pipeline.dev.broker.java import ClassArchive, find_java

_CLUSTER_ID = "c2VzYW1lLWRldi1icm9rZQ"  # 16 bytes in base64, as Kafka wants it
_LOG_TAIL_LINES = 25
_POLL_S = 0.1


class EmbeddedBroker:
    """Apache Kafka (KRaft) on a loopback port, ending with this process however it ends.

    As a context manager it starts on entry, and on exit stops and removes a data directory
    it made itself. Stopped or killed it can be started again on the same data and port.

    Args:
        data_dir: Where to keep its data, settings and log; None for a temporary directory.
        port: Port to listen on; 0 for any free one, kept over restarts.
        heap_mb: The JVM's largest heap.
        properties: Settings of server.properties to add or override.
        start_timeout_s: How long to wait for the first answer.
    """

    def __init__(
        self,
        data_dir: Path | None = None,
        port: int = 0,
        *,
        heap_mb: int = 1024,
        properties: Mapping[str, str] | None = None,
        start_timeout_s: float = 60.0,
    ) -> None:
        self._temporary = data_dir is None
        self.directory = data_dir or Path(tempfile.mkdtemp(prefix="sesame-broker-"))
        self._wanted_port = port
        self._ports: tuple[int, int] | None = None
        self._heap_mb = heap_mb
        self._properties = dict(properties or {})
        self._start_timeout_s = start_timeout_s
        self._guard: subprocess.Popen[str] | None = None
        self._archive: ClassArchive | None = None
        self.pid: int | None = None

    @property
    def bootstrap(self) -> str:
        """``host:port`` for clients; known once it was started."""
        if self._ports is None:
            raise BrokerError("the broker has no port before its first start")
        return f"{config.HOST}:{self._ports[0]}"

    @property
    def log_path(self) -> Path:
        """The broker's log, over all its starts."""
        return self.directory / "broker.log"

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._guard is not None and self._guard.poll() is None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start and wait until it answers a metadata request.

        Raises:
            BrokerError: A port is taken, there is no Java, jars cannot be had, or Kafka gave
                up or did not answer in time; then with the end of its log.
        """
        if self.running:
            return
        if self._ports is None:
            self._ports = (_port(self._wanted_port), _port(0))
        else:
            for port in self._ports:
                _port(port)
        self.directory.mkdir(parents=True, exist_ok=True)
        cache = jars.cache_directory() / f"kafka-{jars.KAFKA_VERSION}"
        class_path = os.pathsep.join(str(jar) for jar in jars.provide(cache))
        java = find_java()
        self._archive = ClassArchive(java, cache)
        self._write_settings()
        command = [str(java.executable), "-cp", class_path]
        if not (self.directory / "data" / "meta.properties").exists():
            self._format(command)
        self._launch(command)
        try:
            self._wait_until_ready()
        except BaseException:
            self.kill()
            raise

    def stop(self, timeout_s: float = 15.0) -> None:
        """Shut down in good order; kill it if that takes longer than ``timeout_s``."""
        if self._guard is None:
            return
        self._signal(signal.SIGTERM)
        try:
            self._guard.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
        if self._archive is not None:
            self._archive.publish()
        self._forget()

    def kill(self) -> None:
        """End it as kill -9 does; its data stay."""
        if self._guard is None:
            return
        self._signal(signal.SIGKILL)
        self._guard.wait()
        self._forget()

    def pause(self) -> None:
        """Freeze it (SIGSTOP): connections stay open and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen broker go on."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """Stop, and remove the data directory if it was made here."""
        self.stop()
        if self._temporary:
            shutil.rmtree(self.directory, ignore_errors=True)

    def _signal(self, number: signal.Signals) -> None:
        if self.running and self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _forget(self) -> None:
        if self._guard is not None and self._guard.stdout is not None:
            self._guard.stdout.close()
        self._guard = None
        self.pid = None

    def _write_settings(self) -> None:
        if self._ports is None:
            raise BrokerError("no ports chosen")
        text = config.properties(*self._ports, self.directory / "data", self._properties)
        (self.directory / "server.properties").write_text(text)
        (self.directory / "log4j2.properties").write_text(config.LOGGING)

    def _jvm_options(self, *, write_archive: bool) -> list[str]:
        archive = self._archive.options(write=write_archive) if self._archive else []
        logging = self.directory / "log4j2.properties"
        return [*archive, "-Xlog:cds=off", f"-Dlog4j2.configurationFile={logging}"]

    def _format(self, command: list[str]) -> None:
        done = subprocess.run(  # noqa: S603 - Java and jars found above
            [
                *command,
                *self._jvm_options(write_archive=False),
                # Gone in half a second: compiling well would cost more than it saves.
                *("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "kafka.tools.StorageTool"),
                *("format", "-t", _CLUSTER_ID, "-c", str(self.directory / "server.properties")),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BrokerError(f"{self.directory} cannot be formatted: {done.stdout}{done.stderr}")

    def _launch(self, command: list[str]) -> None:
        self._guard = subprocess.Popen(  # noqa: S603 - Java and jars found above
            [
                *(sys.executable, "-I", guard.__file__, str(os.getpid()), str(self.log_path)),
                str(self.directory) if self._temporary else "",
                *command,
                *self._jvm_options(write_archive=True),
                f"-Xmx{self._heap_mb}m",
                *("kafka.Kafka", str(self.directory / "server.properties")),
            ],
            stdout=subprocess.PIPE,
            text=True,
            # Ctrl-C in a terminal is for the parent, which then stops it in good order.
            start_new_session=True,
        )
        line = self._guard.stdout.readline() if self._guard.stdout else ""
        if not line:
            raise BrokerError(f"{command[0]} could not be run")
        self.pid = int(line)

    def _wait_until_ready(self) -> None:
        try:
            wait_until_answering(
                self.bootstrap, self._start_timeout_s, still_there=lambda: self.running
            )
        except BrokerError as error:
            raise BrokerError(f"{error}; {self._log_tail()}") from None

    def _log_tail(self) -> str:
        lines = self.log_path.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:]
        return f"the end of {self.log_path}:\n" + "\n".join(lines)


def wait_until_answering(
    bootstrap: str, timeout_s: float, still_there: Callable[[], bool] = lambda: True
) -> None:
    """Wait until a Kafka answers a metadata request.

    Raises:
        BrokerError: It did not in time, or ``still_there`` says that it is gone.
    """
    client = AdminClient(
        {
            "bootstrap.servers": bootstrap,
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 100,
            "log_level": 0,
        }
    )
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if not still_there():
            raise BrokerError("Kafka ended while starting")
        with contextlib.suppress(KafkaException):
            if client.list_topics(timeout=_POLL_S).brokers:
                return
    raise BrokerError(f"no Kafka answered at {bootstrap} within {timeout_s:.0f} s")


def _port(wanted: int) -> int:
    """A free loopback port, or ``wanted`` if it is free."""
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
