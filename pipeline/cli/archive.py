"""``sesame archive``: inputs and journal in Parquet files, for replays later."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline import settings
from pipeline.cli.output import Json, complain, print_json

if TYPE_CHECKING:
    from pipeline.archive.export import Exported

app = typer.Typer()


@app.command()
def archive(
    folder: Annotated[Path, typer.Argument(help="The archive's folder; made where there is none.")],
    *,
    as_json: Json = False,
) -> None:
    """Bring an archive of the input topics and the journal up to date.

    Only what is not archived yet is read. Exits 1 where the topics had lost records before they
    could be archived.
    """
    from pipeline.archive.export import export  # noqa: PLC0415 - help stays quick
    from pipeline.cli.replay_progress import counting  # noqa: PLC0415

    current = settings.load()
    with counting("archiving", sys.stderr) as on_records:
        exported = export(current, folder, on_records)
    if as_json:
        print_json(_as_json(exported, folder))
    else:
        total = sum(exported.records.values())
        typer.echo(f"{total:,} records archived in {exported.files} files under {folder}")
    for topic, partition, span in exported.holes:
        complain(
            f"{topic}, partition {partition}: offsets {span.start} to {span.stop - 1} were deleted "
            "before they were archived; no replay gets past them"
        )
    if exported.holes:
        raise typer.Exit(1)


def _as_json(exported: "Exported", folder: Path) -> dict[str, object]:
    return {
        "folder": folder,
        "files": exported.files,
        "records": exported.records,
        "holes": [
            {"topic": topic, "partition": partition, "from": span.start, "to": span.stop}
            for topic, partition, span in exported.holes
        ],
    }
