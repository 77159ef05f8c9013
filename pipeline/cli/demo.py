"""``sesame demo``: the whole pipeline on a Kafka of its own, played through once."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline import settings
from pipeline.cli.output import PIPED_COLUMNS, Json, print_json
from pipeline.errors import SesameError

if TYPE_CHECKING:
    from pipeline.dev.demo.run import Outcome

PARTITIONS = 4
PEOPLE = 3_000
EVENTS = 250_000

app = typer.Typer()


@app.command()
def demo(
    *,
    people: Annotated[int, typer.Option(min=10, max=100_000, help="People.")] = PEOPLE,
    events: Annotated[
        int, typer.Option(min=1_000, max=20_000_000, help="About so many events.")
    ] = EVENTS,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same people.")] = 1,
    partitions: Annotated[
        int | None,
        typer.Option(min=1, max=64, help="Partitions of every topic; SESAME_PARTITIONS, or 4."),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave everything running until Ctrl-C.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run the whole pipeline once and report what came of it.

    Starts a Kafka of its own (or uses the one that SESAME_BOOTSTRAP names), a worker and the
    partner services, plays many months of a simulated population's events, bad records and
    repeats among them, reports, and stops everything. Exits 1 when the figures do not add up.
    """
    typer.echo("Sesame: from an empty Kafka to explained scores and partners' decisions", err=True)
    from pipeline.dev.demo.display import progress_on  # noqa: PLC0415 - help stays quick
    from pipeline.dev.demo.plan import Plan  # noqa: PLC0415
    from pipeline.dev.demo.run import run  # noqa: PLC0415

    given = settings.load()
    chosen = given.partitions if "partitions" in given.model_fields_set else PARTITIONS
    plan = Plan(people, events, seed, chosen if partitions is None else partitions)
    present = _present_json if as_json else _present
    result = run(plan, progress_on(sys.stderr), present, keep=keep)
    typer.echo("Everything that was started is stopped.", err=True)
    if not result.ok:
        raise SesameError("the figures do not add up, which is a fault of the pipeline")


def _present(outcome: "Outcome") -> None:
    from rich.console import Console  # noqa: PLC0415

    from pipeline.dev.demo.report import print_report  # noqa: PLC0415

    console = Console()
    if not console.is_terminal:
        console.width = PIPED_COLUMNS
    print_report(outcome, console)
    sys.stdout.flush()
    if outcome.running is not None:
        typer.echo("Everything runs on: Ctrl-C ends it.", err=True)


def _present_json(outcome: "Outcome") -> None:
    print_json(outcome.result.as_json() | {"running": _running(outcome)})
    sys.stdout.flush()


def _running(outcome: "Outcome") -> dict[str, Any] | None:
    """Where a kept demo is to be found."""
    running = outcome.running
    if running is None:
        return None
    return {
        "environment": running.environment,
        "worker": running.worker_url,
        "partners": running.partner_urls,
        "logs": str(running.logs),
    }
