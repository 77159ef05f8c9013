"""``sesame topics``: show what differs on the broker, and put it right."""

from typing import Annotated

import typer

from pipeline import provision, settings
from pipeline.cli.output import Json, complain, print_json, print_table
from pipeline.partners.registry import load_registry
from pipeline.provision import Action, Difference
from pipeline.resources import partners_file

app = typer.Typer(help="Plan or apply the topics.", no_args_is_help=True)


@app.command()
def plan(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 1 when something differs.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show which topics are missing or different; change nothing."""
    current = settings.load()
    should = provision.wanted(current, partner_ids(current))
    with provision.admin(current) as client:
        differences = provision.plan(should, provision.found(client, should))
    _show(differences, len(should), as_json=as_json, verb="to do")
    if check and differences:
        raise typer.Exit(1)


@app.command()
def apply(*, as_json: Json = False) -> None:
    """Create missing topics and set their configuration; never deletes."""
    current = settings.load()
    should = provision.wanted(current, partner_ids(current))
    with provision.admin(current) as client:
        differences = provision.plan(should, provision.found(client, should))
        provision.apply(client, current, differences)
    _show(differences, len(should), as_json=as_json, verb="done")
    if any(d.action is Action.REFUSE for d in differences):
        complain("a partition count cannot be changed: delete and recreate the topic by hand")
        raise typer.Exit(1)


def partner_ids(current: settings.Settings) -> list[str]:
    """The partners of the registry in force."""
    return list(load_registry(current.partners_file or partners_file()).partners)


def _show(differences: list[Difference], total: int, *, as_json: bool, verb: str) -> None:
    if as_json:
        rows = [
            {"topic": d.topic, "action": d.action, "reason": d.reason, "config": dict(d.config)}
            for d in differences
        ]
        print_json({"topics": total, "differences": rows})
    elif differences:
        rows_ = [(d.topic, d.action, d.reason) for d in differences]
        print_table(("Topic", "Action", "Why"), rows_)
        typer.echo(f"{len(differences)} of {total} topics {verb}")
    else:
        typer.echo(f"all {total} topics are as they should be")
