"""``sesame replay``: state and scores built anew from the inputs."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline import failpoints, logs, settings
from pipeline.cli.output import Json, complain, print_json, print_table
from pipeline.errors import RefusedError

if TYPE_CHECKING:
    from pipeline.replay.compare import Comparison
    from pipeline.replay.run import Replayed

app = typer.Typer()


@app.command()
def replay(
    *,
    compare: Annotated[
        bool,
        typer.Option("--compare", help="Only compare with the live state; exit 1 if they differ."),
    ] = False,
    archive: Annotated[
        Path | None, typer.Option(help="Begin with this archive, then read the topics.")
    ] = None,
    keep_old: Annotated[
        bool, typer.Option("--keep-old", help="Do not delete the changelog of the state before.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Build all state anew beside the live one, and put it in its place.

    Every partition's inputs are folded again in the transactions its journal tells of. Workers
    may run meanwhile: each partition is switched over in one transaction, and they go on from
    the new state. Scores that differ are published.
    """
    from pipeline.cli.replay_progress import bar  # noqa: PLC0415 - help stays quick
    from pipeline.codec.open import open_warm  # noqa: PLC0415
    from pipeline.replay.run import Replay  # noqa: PLC0415
    from pipeline.scoring.model import load_model  # noqa: PLC0415
    from pipeline.streaming.factor_flow import FactorFlow  # noqa: PLC0415
    from pipeline.topics import INPUTS  # noqa: PLC0415

    if compare and keep_old:
        raise RefusedError("--compare changes nothing: there is no old state to keep")
    current = settings.load()
    logs.configure(current)
    failpoints.arm(failpoints.parse(current.failpoints))
    registry = open_warm(current, [topic.subject for topic in INPUTS if topic.record])
    flow = FactorFlow(current, registry, load_model(current.model))
    with bar(sys.stderr) as progress:
        run = Replay(current, flow.context, archive, progress)
        replayed = run.compare() if compare else run.switch_over(keep_old=keep_old)
    if as_json:
        print_json(_as_json(replayed))
    else:
        _show(replayed)
    if replayed.comparison is not None and not replayed.comparison.holds:
        raise typer.Exit(1)


def _as_json(replayed: "Replayed") -> dict[str, Any]:
    shown: dict[str, Any] = {
        "partitions": replayed.partitions,
        "people": replayed.people,
        "records": replayed.records,
        "passed_over": replayed.passed_over,
        "transactions": replayed.transactions,
        "seconds": round(replayed.seconds, 3),
        "records_per_second": round(replayed.records / max(replayed.seconds, 1e-9)),
    }
    found = replayed.comparison
    if found is None:
        return shown | {
            "generation": replayed.generation,
            "scores_published": replayed.told,
            "deleted": replayed.deleted,
        }
    return shown | {
        "rows_compared": found.people,
        "rows_differing": found.rows_differing,
        "scores_compared": found.scores_compared,
        "scores_differing": found.scores_differing,
        "online_only": found.online_only,
        "offline_only": found.offline_only,
        "unreadable": found.unreadable,
        "differences": [
            {"partition": d.partition, "user": d.user, "what": d.what} for d in found.differences
        ],
    }


def _show(replayed: "Replayed") -> None:
    rate = replayed.records / max(replayed.seconds, 1e-9)
    typer.echo(
        f"{replayed.records:,} records of {replayed.transactions:,} transactions folded again in "
        f"{replayed.seconds:.1f} s, {rate:,.0f}/s: {replayed.people:,} people"
    )
    if replayed.passed_over:
        typer.echo(f"{replayed.passed_over:,} archived records of people since erased passed over")
    if replayed.comparison is not None:
        _show_comparison(replayed.comparison)
        return
    typer.echo(f"all {replayed.partitions} partitions are in generation {replayed.generation} now")
    typer.echo(f"{replayed.told:,} scores published anew")
    if replayed.deleted:
        typer.echo(f"deleted: {', '.join(replayed.deleted)}")


def _show_comparison(found: "Comparison") -> None:
    typer.echo(
        f"{found.people:,} rows compared, {found.rows_differing:,} differ; "
        f"{found.scores_compared:,} scores compared, {found.scores_differing:,} differ"
    )
    if found.holds:
        typer.echo("online and offline are the same")
        return
    if found.online_only or found.offline_only:
        typer.echo(f"{found.online_only:,} people online only, {found.offline_only:,} offline only")
    if found.unreadable:
        typer.echo(f"{found.unreadable:,} live records that no worker can apply")
    rows = [(d.partition, d.user, d.what) for d in found.differences]
    print_table(("Partition", "Person", "What differs"), rows)
    complain("online and offline differ; `sesame replay` puts the state right")
