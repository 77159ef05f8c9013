"""``sesame partner``: a partner's counter over HTTP, or its decisions on everyone in view."""

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline import logs, settings
from pipeline.cli.output import Json, print_json, print_table
from pipeline.partners.vocabulary import Purpose

if TYPE_CHECKING:
    from pipeline.partners.services.run import Ended

app = typer.Typer()


@app.command()
def partner(
    partner_id: Annotated[
        str, typer.Argument(metavar="PARTNER", help="As registered: car-rental or microloan.")
    ],
    *,
    port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=settings.PORT_MAX,
            help="Serve there, else at SESAME_RENTAL_PORT or SESAME_LOAN_PORT.",
        ),
    ] = None,
    follow: Annotated[
        bool,
        typer.Option(
            "--follow", help="No service: only decide on everyone in view, metrics at --port."
        ),
    ] = False,
    purpose: Annotated[
        Purpose | None, typer.Option(help="With --follow, where the partner has several.")
    ] = None,
    until_idle: Annotated[
        float | None,
        typer.Option(
            min=0.1, metavar="SECONDS", help="End once caught up and without news for so long."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Serve a partner's counter: rentals or loans by what people granted it to see.

    Runs until it is told to end (SIGTERM, SIGINT), then prints what would be decided on
    everyone in view now. The topics must exist: `sesame topics apply` creates them.
    """
    from pipeline.partners.services.run import (  # noqa: PLC0415 - help stays quick
        Options,
        run_follower,
        run_service,
    )

    current = settings.load()
    logs.configure(current)
    options = Options(partner_id, purpose, port, until_idle)
    ended = run_follower(current, options) if follow else run_service(current, options)
    if as_json:
        print_json(ended.as_json())
    else:
        _show(ended)


def _show(ended: "Ended") -> None:
    summary = ended.summary
    policy = summary.policy
    typer.echo(f"{policy.partner_name}: {policy.purpose}, admitted from {policy.threshold}")
    print_table(("Outcome", "People"), summary.decisions.items())
    print_table(("Score admitted", "People"), summary.admitted.items())
    if ended.contracts:
        print_table(("Contracts", "Number"), ended.contracts.items())
