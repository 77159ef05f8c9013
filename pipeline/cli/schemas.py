"""``sesame schemas``: what is on the wire, whether it still fits, and registering it."""

import json
from pathlib import Path
from typing import Annotated

import typer

from pipeline import settings, topics
from pipeline.cli.output import Json, complain, print_json, print_table
from pipeline.codec import catalog
from pipeline.codec.http_registry import HttpRegistry
from pipeline.codec.open import open_registry
from pipeline.codec.registry import record_for
from pipeline.errors import RefusedError
from pipeline.partners.registry import load_registry
from pipeline.resources import partners_file, schemas_dir

app = typer.Typer(help="List, check or register the Avro schemas.", no_args_is_help=True)

Folder = Annotated[
    Path | None,
    typer.Option("--folder", help="Look at these schemas instead of those of the package."),
]


@app.command("list")
def list_schemas(*, as_json: Json = False) -> None:
    """Show each subject's schema id, as the registry in force gives it."""
    current = settings.load()
    registry = open_registry(current)
    rows = {}
    for subject in _subjects(current):
        schema_id = registry.id_of(subject)
        rows[subject] = {
            "id": schema_id,
            "version": catalog.current(record_for(subject)).version,
            "schema": json.loads(registry.schema(schema_id)),
        }
    if as_json:
        print_json(rows)
        return
    cells = [(s, row["id"], row["schema"]["name"], row["version"]) for s, row in rows.items()]
    print_table(("Subject", "Id", "Record", "Version"), cells)


@app.command()
def check(*, folder: Folder = None, as_json: Json = False) -> None:
    """Check that committed schemas are untouched and that all versions read each other."""
    from pipeline.codec.compatibility import find_breaks  # noqa: PLC0415 - only here

    problems: list[str] = []
    schemas: tuple[catalog.CommittedSchema, ...] = ()
    try:
        schemas = catalog.load(folder or schemas_dir())
    except catalog.CatalogError as error:
        problems.append(str(error))
    problems += [str(one) for one in find_breaks(schemas)]
    if as_json:
        print_json({"schemas": len(schemas), "problems": problems})
    elif not problems:
        typer.echo(f"{len(schemas)} schemas, each version readable by every other")
    if problems:
        for problem in problems:
            complain(problem)
        raise typer.Exit(1)


@app.command()
def register(*, as_json: Json = False) -> None:
    """Register every version of each subject's schema; registering again changes nothing."""
    current = settings.load()
    registry = open_registry(current)
    if not isinstance(registry, HttpRegistry):
        raise RefusedError("the built-in registry needs no registering; set SESAME_REGISTRY_URL")
    rows = [
        {
            "subject": subject,
            "version": schema.version,
            "id": registry.register(subject, schema),
        }
        for subject in _subjects(current)
        for schema in catalog.versions_of(record_for(subject))
    ]
    if as_json:
        print_json({"registry": registry.url, "registered": rows})
    else:
        print_table(("Subject", "Version", "Id"), [tuple(row.values()) for row in rows])


def _subjects(current: settings.Settings) -> list[str]:
    partners = load_registry(current.partners_file or partners_file()).partners
    known = (*topics.ALL, *topics.for_partners(list(partners)))
    return [topic.subject for topic in known if topic.record is not None]
