"""A worker as a child process that can be killed, stopped for a while and asked things."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

_START_S = 240.0
_END_S = 120.0
_ANSWER_S = 30.0
_held: list[socket.socket] = []
Labels = tuple[tuple[str, str], ...]


PATIENT = {"SESAME_REQUEST_TIMEOUT_S": "30"}
"""For commands: a machine busy with other tests is no broker that is gone."""
PORTS = {"worker": "SESAME_WEB_PORT", "gateway": "SESAME_GATEWAY_PORT"}


class WorkerProcess:
    """``sesame worker`` or ``sesame gateway`` with its output in a file."""

    def __init__(self, variables: Mapping[str, str], log: Path, command: str = "worker") -> None:
        self.port = free_port()
        self._log = log
        kept = {name: value for name, value in os.environ.items() if not _ours(name)}
        with log.open("wb") as out:
            self._process = subprocess.Popen(  # noqa: S603 - this project's own commands
                [sys.executable, "-m", "pipeline.cli.main", command],
                env={**kept, PORTS[command]: str(self.port), **variables},
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    @property
    def log(self) -> str:
        """Everything it wrote so far."""
        return self._log.read_text(errors="replace")

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """Kill -9, stopped or not."""
        self._process.kill()
        self._process.wait(_END_S)

    def terminate(self) -> int:
        """SIGTERM; the exit status."""
        self._process.terminate()
        return self.exit_status()

    def hang_up(self) -> None:
        """SIGHUP: look at what may have changed."""
        self._process.send_signal(signal.SIGHUP)

    def exit_status(self) -> int:
        return self._process.wait(_END_S)

    def pause(self) -> None:
        """SIGSTOP: the process stands still and does not know it."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def until_ready(self) -> "WorkerProcess":
        deadline = time.monotonic() + _START_S
        while self.get("/health/ready")[0] != 200:
            assert self.is_running, f"the worker has ended:\n{self.log}"
            assert time.monotonic() < deadline, f"not ready:\n{self.log}"
            time.sleep(0.1)
        return self

    def get(self, path: str) -> tuple[int, str]:
        """Status and body; 0 where nobody listens."""
        url = f"http://127.0.0.1:{self.port}{path}"
        try:
            with urllib.request.urlopen(url, timeout=_ANSWER_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""

    def metrics(self) -> dict[str, dict[Labels, float]]:
        """Every sample by name and labels."""
        samples: dict[str, dict[Labels, float]] = {}
        for family in text_string_to_metric_families(self.get("/metrics")[1]):
            for sample in family.samples:
                labels = tuple(sorted(sample.labels.items()))
                samples.setdefault(sample.name, {})[labels] = sample.value
        return samples

    def partitions(self) -> set[int]:
        """Those it owns and has restored."""
        remaining = self.metrics().get("sesame_recovery_remaining_records", {})
        return {int(dict(labels)["partition"]) for labels, left in remaining.items() if left == 0}


def free_port() -> int:
    """A port that nobody else is given while the tests run.

    It is bound for as long; whoever sets SO_REUSEADDR, as servers do, can listen on it.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    _held.append(held)
    port: int = held.getsockname()[1]
    return port


def _ours(name: str) -> bool:
    return name.startswith("SESAME_")
