"""How long partitions have no owner after kill -9, where another worker stands by for them."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from pipeline.dev.bench import systems
from pipeline.dev.bench.child import Child
from pipeline.errors import SesameError
from pipeline.settings import Settings, variable

_WAIT_S = 300.0
_POLL_S = 0.05
_SESSION_S = 6
"""Kafka's brokers accept no less by default (``group.min.session.timeout.ms``)."""


@dataclass(frozen=True, slots=True)
class TakeOver:
    """From the kill of a worker to the moment another owns all that it owned, and is ready.

    The broker waits ``session_timeout_s`` from the last heartbeat on before it tells anybody.
    ``records_read`` of the changelogs were read then, for ``people`` people.
    """

    seconds: float
    session_timeout_s: float
    people: int
    records_read: int


class _Metrics:
    """What a worker's metrics say now; nothing where it does not answer."""

    def __init__(self, port: int) -> None:
        try:
            text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
        except httpx.TransportError:
            text = ""
        self._samples: dict[str, dict[str, float]] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                label = ",".join(sample.labels.values())
                self._samples.setdefault(sample.name, {})[label] = sample.value

    def of(self, name: str) -> dict[str, float]:
        """A metric's values, by what its only label says."""
        return self._samples.get(f"sesame_{name}", {})

    @property
    def owned(self) -> set[str]:
        """Partitions that are owned and restored."""
        return {
            number for number, left in self.of("recovery_remaining_records").items() if not left
        }

    def is_warm_for(self, partitions: set[str]) -> bool:
        """Whether there is a copy of each, up to date."""
        ready = self.of("standby_ready")
        return ready.keys() == partitions and all(ready.values())

    @property
    def records_read(self) -> int:
        """Changelog records read for partitions taken over."""
        return int(sum(self.of("recovery_records_total").values()))


def measure(settings: Settings, folder: Path) -> TakeOver:
    """Kill one of two workers that share a changelog and stand by for each other.

    Raises:
        SesameError: A worker ended, or the other did not take over.
    """
    environment = systems.environment(settings) | {
        variable("session_timeout_s"): str(_SESSION_S),
        variable("standby"): "1",
    }
    command = systems.command("pipeline.cli.main", "worker")
    port = settings.gateway_port  # of the second one: no gateway is running
    moved = environment | {variable("web_port"): str(port)}
    with (
        Child(command, environment, folder / "takeover-killed.log") as killed,
        Child(command, moved, folder / "takeover-survivor.log") as survivor,
    ):
        everyone = {str(number) for number in range(settings.partitions)}
        _until(lambda: _shared(settings.web_port, port, everyone), killed, survivor)
        before = _Metrics(port)
        began = time.monotonic()
        os.kill(killed.pid, signal.SIGKILL)
        _until(lambda: _Metrics(port).owned == everyone, survivor)
        systems.wait_ready(port, survivor)
        seconds = time.monotonic() - began
        people = int(sum(before.of("standby_rows").values()))
        read = _Metrics(port).records_read - before.records_read
    return TakeOver(seconds, _SESSION_S, people, read)


def _shared(one: int, other: int, everyone: set[str]) -> bool:
    """Whether two workers own all partitions between them, each with copies of the other's."""
    its, others = _Metrics(one), _Metrics(other)
    return (
        bool(its.owned and others.owned)
        and its.owned | others.owned == everyone
        and not its.owned & others.owned
        and others.is_warm_for(its.owned)
    )


def _until(holds: Callable[[], bool], *children: Child) -> None:
    deadline = time.monotonic() + _WAIT_S
    while not holds():
        for child in children:
            child.check()
        if time.monotonic() > deadline:
            raise SesameError(f"the workers were not that far within {_WAIT_S:.0f} s")
        time.sleep(_POLL_S)
