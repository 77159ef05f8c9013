"""``sesame simulate``: send the events of a simulated population."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline import settings
from pipeline.cli.output import Json, print_json, print_table
from pipeline.codec.open import open_registry
from pipeline.errors import RefusedError

if TYPE_CHECKING:
    from pipeline.dev.simulator.history import History
    from pipeline.dev.simulator.send import Report
    from pipeline.dev.simulator.spec import Spec
    from pipeline.dev.simulator.traffic import Traffic

app = typer.Typer()


@app.command()
def simulate(
    *,
    people: Annotated[int, typer.Option(min=1, help="People.")] = 2_000,
    months: Annotated[int, typer.Option(min=1, max=120, help="Months of event time.")] = 12,
    events: Annotated[
        int | None,
        typer.Option(min=1, help="About so many events: people buy and search more or less."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same events.")] = 1,
    end: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Where event time ends (UTC); today if not given."),
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=1, help="Records a second; flat out if not given.")
    ] = None,
    bad: Annotated[
        float, typer.Option(min=0, max=1, help="Bad records on top, as a share of the events.")
    ] = 0.0,
    repeats: Annotated[
        float, typer.Option(min=0, max=1, help="Events sent twice, as a share of the events.")
    ] = 0.0,
    as_json: Json = False,
) -> None:
    """Send the events of a simulated population, in event time, as its producers would.

    The topics must exist: `sesame topics apply` creates them. Bad records are of every kind
    the contract names; what is printed says how many of each the dead letters should have.
    """
    from pipeline.dev.simulator import simulate as draw  # noqa: PLC0415 - help stays quick
    from pipeline.dev.simulator.consents_first import ConsentsFirst  # noqa: PLC0415
    from pipeline.dev.simulator.traffic import Mistakes  # noqa: PLC0415

    current = settings.load()
    history = draw(_spec(people, months, events, seed, end))
    mistakes = Mistakes(bad, repeats, current.lateness_days)
    traffic = ConsentsFirst(history, open_registry(current), mistakes, _chunk_events(rate))
    report = _send(traffic, current, rate, show=not as_json)
    if as_json:
        print_json(_summary(history, report))
    else:
        _print(report)


def _spec(people: int, months: int, events: int | None, seed: int, end: datetime | None) -> "Spec":
    from pipeline.dev.simulator.spec import Spec  # noqa: PLC0415

    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    until = today if end is None else end.replace(tzinfo=UTC)
    if until > today:
        raise RefusedError(f"--end is {until.date()}, after today: the future is refused as such")
    spec = Spec(people, months, round(until.timestamp() * 1_000), seed)
    return spec.for_events(events) if events else spec


def _chunk_events(rate: float | None) -> int:
    from pipeline.dev.simulator.send import CHUNKS_A_SECOND  # noqa: PLC0415

    return 20_000 if rate is None else max(1, min(20_000, round(rate / CHUNKS_A_SECOND)))


def _send(
    traffic: "Traffic", current: settings.Settings, rate: float | None, *, show: bool
) -> "Report":
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from pipeline.dev.simulator.send import send  # noqa: PLC0415

    columns = (
        TextColumn("sending"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=not show) as bar:
        task = bar.add_task("sending", total=traffic.expected_records, pace="")

        def sent(count: int) -> None:
            pace = bar.tasks[task].speed or 0.0
            bar.update(task, advance=count, pace=f"{pace:,.0f}/s")

        return send(traffic, current, per_second=rate, progress=sent)


def _summary(history: "History", report: "Report") -> dict[str, Any]:
    spec = history.spec
    return {
        "people": spec.people,
        "months": spec.months,
        "seed": spec.seed,
        "until_ms": spec.end_ms,
        "events": report.events.total(),
        "repeats": report.repeats.total(),
        "bad": {str(reason): n for reason, n in sorted(report.reasons.items())},
        "records": report.records,
        "topics": {
            name: {
                "events": report.events[name],
                "repeats": report.repeats[name],
                "bad": report.bad[name],
            }
            for name in report.events
        },
        "seconds": round(report.seconds, 3),
        "records_per_second": round(report.records / report.seconds),
    }


def _print(report: "Report") -> None:
    rows = [
        (name, f"{count:,}", f"{report.repeats[name]:,}", f"{report.bad[name]:,}")
        for name, count in report.events.items()
    ]
    print_table(("topic", "events", "repeats", "bad"), rows)
    if report.reasons:
        counted = sorted(report.reasons.items())
        print_table(("reason", "bad records"), [(r, f"{n:,}") for r, n in counted])
    pace = report.records / report.seconds
    typer.echo(f"{report.records:,} records in {report.seconds:.1f} s, {pace:,.0f} a second")
