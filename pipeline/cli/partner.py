"""``sesame partner``: one partner service, deciding on what people granted it to see."""

import signal
import threading
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline import logs, settings
from pipeline.cli.output import Json, print_json, print_table
from pipeline.errors import SesameError
from pipeline.partners.vocabulary import Purpose

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import CollectorRegistry

    from pipeline.partners.service import Summary

app = typer.Typer()


@app.command()
def partner(
    partner_id: Annotated[
        str, typer.Argument(metavar="PARTNER", help="As registered: car-rental or microloan.")
    ],
    *,
    purpose: Annotated[
        Purpose | None, typer.Option(help="Needed where the partner has several.")
    ] = None,
    until_idle: Annotated[
        float | None,
        typer.Option(
            min=0.1, metavar="SECONDS", help="End once caught up and without news for so long."
        ),
    ] = None,
    metrics_port: Annotated[
        int | None,
        typer.Option(min=1, max=settings.PORT_MAX, help="Serve Prometheus metrics there."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Decide on everyone with a grant, again whenever what may be seen of them changes.

    Runs until it is told to end (SIGTERM, SIGINT), then prints the latest decisions by
    outcome. The topics must exist: `sesame topics apply` creates them.
    """
    from prometheus_client import CollectorRegistry  # noqa: PLC0415 - help stays quick

    from pipeline.codec.open import open_registry  # noqa: PLC0415
    from pipeline.partners.follower import Follower  # noqa: PLC0415
    from pipeline.partners.gateway_view import GatewayView  # noqa: PLC0415
    from pipeline.partners.metrics import PartnerMetrics  # noqa: PLC0415
    from pipeline.partners.registry import load_registry  # noqa: PLC0415
    from pipeline.partners.service import PartnerService  # noqa: PLC0415
    from pipeline.resources import partners_file  # noqa: PLC0415

    current = settings.load()
    logs.configure(current)
    policy = load_registry(current.partners_file or partners_file()).policy(partner_id, purpose)
    collectors = CollectorRegistry()
    follower = Follower(current, open_registry(current), GatewayView(policy))
    with _metrics_server(current, metrics_port, collectors), follower:
        metrics = PartnerMetrics(policy, collectors)
        service = PartnerService(policy, follower, metrics, _reason_texts())
        service.run(_stop_on_signals(), until_idle)
        summary = service.summary()
    if as_json:
        print_json(summary.as_json())
    else:
        _show(summary)


def _reason_texts() -> dict[str, str]:
    """Words for the reason codes of every model: scores of an older one are still about."""
    from pipeline.scoring.model import load_model, model_names  # noqa: PLC0415 - help stays quick

    reasons = [reason for name in model_names() for reason in load_model(name).reasons]
    return {reason.code: reason.text for reason in reasons}


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _metrics_server(
    current: settings.Settings, port: int | None, collectors: "CollectorRegistry"
) -> AbstractContextManager[None]:
    return nullcontext() if port is None else _serving(current.web_bind, port, collectors)


@contextmanager
def _serving(address: str, port: int, collectors: "CollectorRegistry") -> "Iterator[None]":
    from prometheus_client import start_http_server  # noqa: PLC0415 - help stays quick

    try:
        server, thread = start_http_server(port, address, collectors)
    except OSError as error:
        raise SesameError(f"no metrics at {address}:{port}: {error.strerror}") from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _show(summary: "Summary") -> None:
    policy = summary.policy
    typer.echo(f"{policy.partner_name}: {policy.purpose}, admitted from {policy.threshold}")
    print_table(("Outcome", "People"), summary.decisions.items())
    print_table(("Score admitted", "People"), summary.admitted.items())
