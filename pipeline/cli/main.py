"""The root of the ``sesame`` command.

Commands live in modules of their own, imported when they are asked for: help and
completion stay quick, and a command loads only what it needs.
"""

import gc
import importlib
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from pipeline.cli.output import complain
from pipeline.errors import SesameError

COMMANDS = {
    "demo": "Run the whole pipeline on a Kafka of its own and report.",
    "worker": "Run a worker of the stream.",
    "gateway": "Run the gateway between scores and partners.",
    "partner": "Run a partner service: car-rental or microloan.",
    "simulate": "Send the events of a simulated population.",
    "topics": "Plan or apply the topics and access rules.",
    "schemas": "List, check or register the Avro schemas.",
    "consent": "Grant or withdraw consent for a person.",
    "disclosures": "Show what partners were shown of a person.",
    "score": "Show a person's score.",
    "explain": "Show how a person's score comes about.",
    "export": "Export everything kept about a person.",
    "erase": "Erase a person everywhere.",
    "dlq": "List or redrive dead letters.",
    "replay": "Rebuild state and scores from the topics or an archive.",
    "archive": "Keep what the input topics hold in Parquet files.",
    "model": "Train, describe and test score models.",
    "bench": "Measure throughput beside other ways of doing it.",
    "chaos": "Kill workers and brokers at random and compare the state with an oracle.",
    "doctor": "Find out what is missing or wrong around the pipeline.",
    "settings": "List every setting with its value and what is allowed.",
}
"""Commands by name, in the order of help; ``pipeline.cli.<name>`` exports ``app``."""
_COLLECT_AFTER = 100_000
"""Objects made and not yet dropped before the youngest are looked through."""


class LazyGroup(TyperGroup):
    """Imports a command's module only when the command is run or completed."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = {
            name: TyperCommand(name, help=text)
            for name, text in COMMANDS.items()
            if find_spec(_module(name)) is not None
        }

    def resolve_command(self, ctx: typer.Context, args: list[str]) -> tuple[Any, Any, list[str]]:  # type: ignore[override]  # its own click
        """The command to run, imported."""
        name, known, rest = super().resolve_command(ctx, args)
        if known is None or name is None:
            return name, known, rest
        command = typer.main.get_command(importlib.import_module(_module(name)).app)
        command.name = name
        return name, command, rest

    def main(self, args: Sequence[str] | None = None, *more: Any, **options: Any) -> Any:
        """Run, and tell what the caller can put right in a line instead of a traceback."""
        try:
            return super().main(args, *more, **options)
        except SesameError as error:
            complain(str(error))
            sys.exit(error.exit_code)


app = typer.Typer(
    cls=LazyGroup,
    help="Sesame: an open streaming credit-score pipeline.",
    no_args_is_help=True,
    # Locals of a traceback may hold passwords and personal data.
    pretty_exceptions_show_locals=False,
)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer's callback
    if wanted:
        from importlib.metadata import version as installed_version  # noqa: PLC0415 - seldom needed

        typer.echo(f"sesame {installed_version('sesame-score')}")
        raise typer.Exit


@app.callback()
def root(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Sesame: an open streaming credit-score pipeline."""
    del version


def main() -> None:
    """Run the command line.

    What a command imports is no garbage: with Python's defaults the collector looks through it
    hundreds of times, for a tenth of what the imports take.
    """
    gc.set_threshold(_COLLECT_AFTER, *gc.get_threshold()[1:])
    app()


def _module(name: str) -> str:
    return f"pipeline.cli.{name}"


if __name__ == "__main__":
    main()
