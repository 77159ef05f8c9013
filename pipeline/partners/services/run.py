"""Running a partner until it is told to end: with a service, or only looking on."""

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import CollectorRegistry

from pipeline.errors import RefusedError, SesameError
from pipeline.partners.client import PartnerClient, wall_clock_ms
from pipeline.partners.database import default_path
from pipeline.partners.registry import load_registry
from pipeline.partners.services.database import open_database
from pipeline.partners.services.follow import follower_app
from pipeline.partners.services.lines import SERVED, line_of
from pipeline.partners.services.metrics import ServiceMetrics
from pipeline.partners.services.server import listen, serve, wait
from pipeline.partners.services.service import Line, Service
from pipeline.partners.summary import Summary
from pipeline.partners.vocabulary import Purpose
from pipeline.resources import partners_file
from pipeline.settings import Settings, variable

READY_S = 60.0
"""Who is to end when idle waits no longer for the view to be complete."""
FLUSH_S = 5.0
"""Longest wait, at the end, for reports that are still to be delivered."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Options:
    """How a partner is run.

    ``port`` is the setting's where none is named; ``until_idle_s`` ends the run once the view
    is complete and no record came for so long.
    """

    partner_id: str
    purpose: Purpose | None = None
    port: int | None = None
    until_idle_s: float | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """What a run came to: the decisions on everyone in view, and contracts by status."""

    summary: Summary
    contracts: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As one JSON object."""
        return self.summary.as_json() | {"contracts": self.contracts}


def run_service(settings: Settings, options: Options) -> Ended:
    """Serve a partner's counter.

    Raises:
        RefusedError: There is no service for this partner, or its terms do not fit.
        SesameError: The port, the database or the client's file cannot be had; or the view was
            not complete in time for a run that was to end when idle.
    """
    line = _checked_line(settings, options)
    partner_id, setting = options.partner_id, f"{line.name}_port"
    port: int = options.port or getattr(settings, setting)
    advice = f"--port or {variable(setting)} chooses another"
    setting = f"{line.name}_database"
    file_name = f"{settings.topic_prefix}{partner_id}-contracts.db"
    collectors = CollectorRegistry()
    with ExitStack() as stack:
        listener = stack.enter_context(listen(settings.web_bind, port, advice))
        database = open_database(getattr(settings, setting), setting, settings.data_dir / file_name)
        stack.callback(database.close)
        store = _store(settings, partner_id, "counter")
        made = PartnerClient(partner_id, settings=settings, store=store, collectors=collectors)
        client = stack.enter_context(made)
        metrics = ServiceMetrics(partner_id, collectors, line.statuses)
        service = Service(line, client, database, metrics, wall_clock_ms)
        with service:
            _say_where(settings, options, port)
            is_done = _Idle(client, options)
            serve(service.app, listener, is_done)
            contracts = service.counts()
        _flush(client)
        is_done.check()
        return Ended(client.summary(line.purpose), contracts)


def run_follower(settings: Settings, options: Options) -> Ended:
    """Look on only: decide on everyone in view, with metrics where a port is named.

    Raises:
        SesameError: The port or the client's file cannot be had; or the view was not complete
            in time for a run that was to end when idle.
    """
    collectors = CollectorRegistry()
    with ExitStack() as stack:
        partner_id = options.partner_id
        store = _store(settings, partner_id, "follower")
        made = PartnerClient(partner_id, settings=settings, store=store, collectors=collectors)
        made.policy(options.purpose)
        client = stack.enter_context(made)
        is_done = _Idle(client, options)
        if options.port is None:
            wait(is_done)
        else:
            advice = "--port chooses another"
            listener = stack.enter_context(listen(settings.web_bind, options.port, advice))
            _say_where(settings, options, options.port)
            serve(follower_app(client, collectors), listener, is_done)
        is_done.check()
        return Ended(client.summary(options.purpose))


class _Idle:
    """Whether a run is to end by itself; also says when the view is complete."""

    def __init__(self, client: PartnerClient, options: Options) -> None:
        self._client = client
        self._options = options
        self._began_s = self._news_s = time.monotonic()
        self._records = -1
        self._was_ready = False
        self._gave_up = False

    def __call__(self) -> bool:
        now_s, client, until_s = time.monotonic(), self._client, self._options.until_idle_s
        if client.ready and not self._was_ready:
            self._was_ready = True
            log.info("partner ready", partner=self._options.partner_id, people=client.subjects)
        if until_s is None:
            return False
        if not client.ready:
            self._gave_up = now_s - self._began_s > READY_S
            return self._gave_up
        if client.records != self._records:
            self._records, self._news_s = client.records, now_s
        return now_s - self._news_s >= until_s

    def check(self) -> None:
        """Complain if the run ended as its view was never complete.

        Raises:
            SesameError: It was not; the message says why.
        """
        if self._gave_up:
            problem = self._client.state.problem or "its end was not reached"
            raise SesameError(
                f"{self._options.partner_id} was not ready within {READY_S:g} s: {problem}"
            )


def _store(settings: Settings, partner_id: str, use: str) -> Path:
    """A file beside the one the partner's own programs take: it is one process's at a time."""
    return default_path(settings.data_dir, f"{partner_id}-{use}", settings.topic_prefix)


def _checked_line(settings: Settings, options: Options) -> Line[Any]:
    partner_id = options.partner_id
    policies = load_registry(settings.partners_file or partners_file()).policies(partner_id)
    if partner_id not in SERVED:
        raise RefusedError(
            f"there is no service for {partner_id}, only for {' and '.join(SERVED)}; --follow "
            "decides on everyone in view without one"
        )
    line = line_of(partner_id, settings)
    if options.purpose not in {None, line.purpose} or line.purpose not in policies:
        registered = ", ".join(policies)
        raise RefusedError(
            f"the {partner_id} service works for {line.purpose} only; registered: {registered}"
        )
    fallback = policies[line.purpose].fallback
    if fallback is not line.fallback:
        raise RefusedError(
            f"the {partner_id} service's way on is {line.fallback}, the registry says {fallback}"
        )
    return line


def _say_where(settings: Settings, options: Options, port: int) -> None:
    address = f"http://{settings.web_bind}:{port}"
    log.info("partner listens", partner=options.partner_id, address=address)


def _flush(client: PartnerClient) -> None:
    try:
        client.flush(FLUSH_S)
    except SesameError as error:
        log.warning("reports wait for the next start", error=str(error))
