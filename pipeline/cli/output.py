"""How commands speak: results on standard output, complaints on standard error."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object for programs.")]
"""The option every command has that a program would read."""


PIPED_COLUMNS = 160
"""Width of tables that no terminal bounds."""


def complain(message: str) -> None:
    """Tell what is wrong, on standard error, red where there are colours."""
    typer.secho(message, err=True, fg=typer.colors.RED)


def print_json(result: Mapping[str, Any]) -> None:
    """Print one JSON object; what JSON lacks (paths, enums) as text."""
    import orjson  # noqa: PLC0415 - help stays quick

    options = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY
    typer.echo(orjson.dumps(result, default=str, option=options).decode())


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
    """Print a table of texts; markup in them is shown, not obeyed."""
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - help stays quick
    from rich.console import Console  # noqa: PLC0415
    from rich.markup import escape  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    console = Console()
    if not console.is_terminal:
        console.width = PIPED_COLUMNS
    table = Table(box=SIMPLE_HEAD, title=title or None, title_justify="left")
    for index, column in enumerate(columns):
        table.add_column(column, no_wrap=index == 0)
    for row in rows:
        table.add_row(*(escape("" if cell is None else str(cell)) for cell in row))
    console.print(table)
