"""``sesame chaos``: break things on purpose, and hold what comes of it against an oracle."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.output import Json, complain, print_json, print_table

if TYPE_CHECKING:
    from pipeline.dev.chaos.report import Outcome, Report

app = typer.Typer()


@app.command()
def chaos(
    *,
    seed: Annotated[int, typer.Option(min=0, help="Of populations and faults.")] = 1,
    scenario: Annotated[
        list[str] | None, typer.Option(help="Only this one; may be given several times.")
    ] = None,
    kills: Annotated[
        int, typer.Option(min=0, help="Go on until so many processes were killed.")
    ] = 0,
    rebalances: Annotated[
        int, typer.Option(min=0, help="Go on until there were so many rebalances.")
    ] = 0,
    minutes: Annotated[
        float | None, typer.Option(min=0.1, help="Begin no scenario after so many minutes.")
    ] = None,
    short: Annotated[
        bool, typer.Option("--short", help="Some minutes' worth of each kind.")
    ] = False,
    soak: Annotated[
        float | None,
        typer.Option(min=1, metavar="MINUTES", help="No faults: flat load for so long."),
    ] = None,
    list_them: Annotated[bool, typer.Option("--list", help="Say what there is.")] = False,
    logs: Annotated[
        Path | None, typer.Option(help="Keep all logs in this new folder.", file_okay=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Break workers and a broker of its own under load; exit 1 if anything was lost or doubled.

    Without options every scenario is run once. After each, all that was acknowledged is folded
    again by a reference that shares no code with the pipeline, and every row, score, dead
    letter and partner record is compared with it.
    """
    from pipeline.dev.chaos import run  # noqa: PLC0415 - help stays quick
    from pipeline.dev.chaos import soak as soaking  # noqa: PLC0415
    from pipeline.dev.chaos.scenarios.table import SCENARIOS, SHORT  # noqa: PLC0415

    if list_them:
        print_table(("scenario", "promise"), [(n, s.promise) for n, s in SCENARIOS.items()])
        return
    if soak is not None:
        report = soaking.soak(seed, soak)
        print_json(report.as_json())
        raise typer.Exit(0 if report.holds else 1)
    scenarios = list(SHORT) if short else run.chosen(scenario or [])
    wanted = run.Wanted(seed, scenarios, kills, rebalances, minutes or run.MINUTES_MAX)
    found = run.run(wanted, _tell, logs)
    if as_json:
        print_json(found.as_json())
    else:
        _show(found)
    raise typer.Exit(0 if found.holds else 1)


def _tell(outcome: "Outcome") -> None:
    verdict = outcome.verdict
    events = f"{verdict.events:,} events" if verdict else "no verdict"
    complain(
        f"{outcome.scenario}: {'holds' if outcome.holds else 'FAILS'}, {outcome.seconds:.0f} s, "
        f"{outcome.kills} kills, {outcome.rebalances} rebalances, {events}"
    )
    for line in [
        *([outcome.error] if outcome.error else []),
        *(verdict.findings if verdict else ()),
    ]:
        complain(f"  {line}")


def _show(report: "Report") -> None:
    print_table(
        ("scenario", "holds", "kills", "rebalances", "seconds"),
        [
            (o.scenario, "yes" if o.holds else "no", o.kills, o.rebalances, f"{o.seconds:.0f}")
            for o in report.outcomes
        ],
    )
    for name, reason in report.skipped.items():
        typer.echo(f"{name} was left out: {reason}")
    found = report.as_json()
    names = (
        *("kills", "rebalances", "broker_faults", "events", "lost", "doubled", "gaps"),
        *("rows_compared", "rows_differing", "records_compared", "records_differing"),
    )
    print_table(("", ""), [(name.replace("_", " "), f"{found[name]:,}") for name in names])
