"""``sesame score``: a person's score as it is published."""

from typing import Annotated, Any

import typer

from pipeline import settings
from pipeline.cli.output import Json, print_json, print_table
from pipeline.errors import SesameError

app = typer.Typer()

User = Annotated[str, typer.Argument(metavar="USER", help="The person's id.")]


@app.command()
def score(user: User, *, as_json: Json = False) -> None:
    """Show a person's score, its factors and reasons."""
    record = read_score(settings.load(), user)
    if as_json:
        print_json(record)
    else:
        show_score(record)


def read_score(current: settings.Settings, user: str) -> dict[str, Any]:
    """The person's newest Score record.

    Raises:
        SesameError: There is none.
    """
    from pipeline.cli.records import latest  # noqa: PLC0415 - help stays quick
    from pipeline.codec.encode import decode_record  # noqa: PLC0415
    from pipeline.codec.open import open_registry  # noqa: PLC0415
    from pipeline.topics import SCORES  # noqa: PLC0415

    value = latest(current, SCORES, user)
    if value is None:
        raise SesameError(f"no score of {user}: not enrolled, not scored yet, or erased")
    return decode_record(value, open_registry(current))


def show_score(record: dict[str, Any]) -> None:
    """Print a Score record."""
    if record["status"] == "THIN_FILE":
        typer.echo(f"{record['user_id']}: thin file, lacks {', '.join(record['missing'])}")
    else:
        odds = f"{record['probability_of_default']:.1%} probability of default"
        typer.echo(f"{record['user_id']}: {record['score']} {record['band']}, {odds}")
    print_table(
        ("Factor", "Points", "From", "To", "Shared"),
        [
            (f["factor"], f["points"], f["min_points"], f["max_points"], _yes(f["consented"]))
            for f in record["factors"]
        ],
    )
    if record["reasons"]:
        typer.echo(f"Reasons, by points lost: {', '.join(record['reasons'])}")
    typer.echo(f"Model {record['model']}, change {record['sequence']}")


def _yes(shared: bool) -> str:  # noqa: FBT001 - one value, shown
    return "yes" if shared else "no"
