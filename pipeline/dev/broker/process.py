"""EmbeddedBroker: start, stop, kill and restart a Kafka of one's own."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from pipeline.dev.broker import config, guard, jars, secure
from pipeline.dev.broker.errors import BrokerError
from pipeline.dev.broker.java import ClassArchive, find_java
from pipeline.dev.broker.probe import free_port, wait_until_answering
from pipeline.dev.broker.secure import Security

_CLUSTER_ID = "c2VzYW1lLWRldi1icm9rZQ"  # 16 bytes in base64, as Kafka wants it
_LOG_TAIL_LINES = 25
_PLAIN = ("PLAINTEXT", "CONTROLLER")


class EmbeddedBroker:
    """Apache Kafka (KRaft) on a loopback port, ending with this process however it ends.

    As a context manager it starts on entry, and on exit stops and removes a data directory
    it made itself. Stopped or killed it can be started again on the same data and port.

    Args:
        data_dir: Where to keep its data, settings and log; None for a temporary directory.
        port: Port to listen on; 0 for any free one, kept over restarts.
        heap_mb: The JVM's largest heap.
        properties: Settings of server.properties to add or override.
        security: Encryption, logins and access rules; None for a broker open to this machine.
        start_timeout_s: How long to wait for the first answer.
    """

    def __init__(  # noqa: PLR0913 - all but the first two by name
        self,
        data_dir: Path | None = None,
        port: int = 0,
        *,
        heap_mb: int = 1024,
        properties: Mapping[str, str] | None = None,
        security: Security | None = None,
        start_timeout_s: float = 180.0,
    ) -> None:
        self._temporary = data_dir is None
        self.directory = data_dir or Path(tempfile.mkdtemp(prefix="sesame-broker-"))
        self._wanted_port = port
        self._ports: dict[str, int] = {}
        self._heap_mb = heap_mb
        self._properties = dict(properties or {})
        self._security = security
        self._start_timeout_s = start_timeout_s
        self._guard: subprocess.Popen[str] | None = None
        self._archive: ClassArchive | None = None
        self.pid: int | None = None

    @property
    def bootstrap(self) -> str:
        """``host:port`` for clients; known once it was started. Secured, of the listener SASL."""
        return self.address(secure.SASL if self._security else _PLAIN[0])

    def address(self, listener: str) -> str:
        """``host:port`` of one of the listeners in `secure`."""
        if not self._ports:
            raise BrokerError("the broker has no port before its first start")
        return f"{config.HOST}:{self._ports[listener]}"

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
        if self._ports:
            for port in self._ports.values():
                free_port(port)
        else:
            first, *others = secure.LISTENERS if self._security else _PLAIN
            self._ports = {first: free_port(self._wanted_port)}
            self._ports |= {name: free_port() for name in others}
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
        secured = self._security.settings(self._ports, self.directory) if self._security else {}
        client_port, controller_port = next(iter(self._ports.values())), self._ports["CONTROLLER"]
        text = config.properties(
            client_port, controller_port, self.directory / "data", secured | self._properties
        )
        path = self.directory / "server.properties"
        path.touch(mode=0o600)  # it may hold passwords
        path.write_text(text)
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
                *(self._security.format_options() if self._security else ()),
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
                self.address(secure.TLS) if self._security else self.bootstrap,
                self._start_timeout_s,
                still_there=lambda: self.running,
                client=self._security.client() if self._security else None,
            )
        except BrokerError as error:
            raise BrokerError(f"{error}; {self._log_tail()}") from None

    def _log_tail(self) -> str:
        lines = self.log_path.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:]
        return f"the end of {self.log_path}:\n" + "\n".join(lines)
