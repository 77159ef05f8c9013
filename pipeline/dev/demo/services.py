"""The worker, gateway and partner services of a demo: started, watched, asked, ended."""

import contextlib
import json
import secrets
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.dev.demo.children import Child, Command, log_tail
from pipeline.dev.demo.cluster import Cluster, environment
from pipeline.dev.demo.errors import DemoError
from pipeline.dev.demo.readings import (
    Endpoint,
    GatewayReading,
    PartnerReading,
    WorkerReading,
    read_gateway,
    read_partner,
    read_worker,
)
from pipeline.partners.registry import load_registry
from pipeline.resources import partners_file
from pipeline.settings import Settings, variable

POLL_S = 0.2
START_S = 60.0


@dataclass(frozen=True, slots=True)
class Partner:
    """One partner service."""

    partner_id: str
    child: Child
    endpoint: Endpoint

    def reading(self) -> PartnerReading | None:
        """Its counters; None before it answers."""
        text = self.endpoint.metrics()
        return read_partner(text) if text else None


class Services:
    """All child processes; ``sleep`` waits and raises when the demo is to end."""

    def __init__(self, cluster: Cluster, directory: Path, sleep: Callable[[float], None]) -> None:
        self._cluster = cluster
        self._settings = settings = cluster.settings
        self._directory = directory
        self._sleep = sleep
        self._worker: Child | None = None
        self._worker_web = Endpoint(settings.web_bind, settings.web_port)
        self._gateway: Child | None = None
        self._gateway_port = free_port(settings.web_bind)
        self._gateway_web = Endpoint(settings.web_bind, self._gateway_port)
        self.partners: list[Partner] = []

    @property
    def worker_url(self) -> str:
        """Where the worker's web server is."""
        return self._worker_web.url

    @property
    def gateway_url(self) -> str:
        """Where the gateway's web server is."""
        return self._gateway_web.url

    def keys(self) -> dict[str, str]:
        """What a command has to be told to make the subjects this gateway makes."""
        if self._settings.pseudonym_key or self._settings.pseudonym_key_file:
            return {}
        file = self._directory / "pseudonym.key"
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(secrets.token_hex(32) + "\n")
        return {variable("pseudonym_key_file"): str(file)}

    def start(self) -> None:
        """Start all of them and wait until they are ready.

        Raises:
            DemoError: One ended, or was not ready in time.
        """
        told = environment(self._settings)
        self._worker = Child(Command("worker", ["worker"], told), self._directory)
        told |= self.keys() | {variable("gateway_port"): str(self._gateway_port)}
        self._gateway = Child(Command("gateway", ["gateway"], told), self._directory)
        self.start_partners()
        waited_s = 0.0
        while not self._all_ready():
            if waited_s > START_S:
                raise DemoError(f"not ready within {START_S:.0f} s: {log_tail(self._worker.log)}")
            self._sleep(POLL_S)
            waited_s += POLL_S

    def start_partners(self) -> None:
        """Start a service for each partner of the registry."""
        registry = load_registry(self._settings.partners_file or partners_file())
        for partner_id in registry.partners:
            port = free_port(self._settings.web_bind)
            arguments = ["partner", partner_id, "--json", "--port", str(port)]
            told = environment(self._settings) | self._own_data()
            command = Command(f"{partner_id} service", arguments, told)
            endpoint = Endpoint(self._settings.web_bind, port)
            self.partners.append(Partner(partner_id, Child(command, self._directory), endpoint))

    def check(self) -> None:
        """Raise if one has ended, or Kafka."""
        self._cluster.check()
        for child in self._children():
            child.check()

    def worker_reading(self) -> WorkerReading:
        """The worker's counters.

        Raises:
            DemoError: It has ended, or does not answer.
        """
        self.check()
        text = self._worker_web.metrics()
        if text is None:
            self.check()
            raise DemoError(f"the worker does not answer at {self.worker_url}/metrics")
        return read_worker(text)

    def gateway_reading(self) -> GatewayReading:
        """The gateway's counters.

        Raises:
            DemoError: It does not answer.
        """
        text = self._gateway_web.metrics()
        if text is None:
            self.check()
            raise DemoError(f"the gateway does not answer at {self.gateway_url}/metrics")
        return read_gateway(text)

    def partner_readings(self) -> list[PartnerReading]:
        """The counters of those partners that answer."""
        readings = [partner.reading() for partner in self.partners]
        return [reading for reading in readings if reading is not None]

    def stop_partners(self) -> dict[str, dict[str, Any]]:
        """End the partner services in good order; what each says of its decisions.

        Raises:
            DemoError: One failed.
        """
        partners, self.partners = self.partners, []
        for partner in partners:
            partner.child.ask_to_end()
        try:
            summaries = {p.partner_id: json.loads(p.child.stop()) for p in partners}
        finally:
            for partner in partners:
                partner.child.kill()
                partner.endpoint.close()
        return summaries

    def stop(self) -> None:
        """End everything in good order.

        Raises:
            DemoError: One failed.
        """
        self.stop_partners()
        children = list(self._children())
        for child in children:
            child.ask_to_end()
        for child in children:
            child.stop()
        self._gateway = self._worker = None

    def kill(self) -> None:
        """End everything at once."""
        for child in self._children():
            child.kill()
        self._worker_web.close()
        self._gateway_web.close()

    def _own_data(self) -> dict[str, str]:
        """Keeps the partners' databases and views of other days out of it."""
        return {variable("data_dir"): str(self._directory / "data")}

    def _children(self) -> Iterator[Child]:
        if self._worker is not None:
            yield self._worker
        if self._gateway is not None:
            yield self._gateway
        yield from (partner.child for partner in self.partners)

    def _all_ready(self) -> bool:
        self.check()
        partners = [partner.reading() for partner in self.partners]
        if not (self._worker_web.ready() and self._gateway_web.ready()):
            return False
        return all(r is not None and r.ready for r in partners)


def check_port(settings: Settings) -> None:
    """Refuse a port for the worker's web server that something else listens on.

    Raises:
        DemoError: It is taken.
    """
    address, port = settings.web_bind, settings.web_port
    try:
        _bound_port(address, port)
    except OSError as error:
        raise DemoError(
            f"port {port} on {address} is in use ({error.strerror}): stop what uses it, or "
            f"choose another with {variable('web_port')}"
        ) from error


def free_port(address: str) -> int:
    """A port nobody listens on."""
    return _bound_port(address, 0)


def _bound_port(address: str, port: int) -> int:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with contextlib.closing(socket.socket(family)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((address, port))
        number: int = probe.getsockname()[1]
        return number
