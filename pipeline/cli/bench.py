"""``sesame bench``: throughput beside other ways of doing it, restores, partners' decisions."""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline import settings
from pipeline.cli import bench_peers
from pipeline.cli.bench_peers import FEW_EVENTS
from pipeline.cli.output import Json, print_json, print_table

if TYPE_CHECKING:
    from pipeline.dev.bench.arithmetic import Summary
    from pipeline.dev.bench.compare import Comparison
    from pipeline.dev.bench.partners.measure import Partnership
    from pipeline.dev.bench.recovery import Recovery
    from pipeline.dev.bench.systems import Bench
    from pipeline.dev.bench.workload import Workload

app = typer.Typer()
_PEER_EVENTS = 20_000


@app.command()
def bench(
    *,
    events: Annotated[
        int, typer.Option(min=1_000, help="About so many events for sesame and copy.")
    ] = 1_000_000,
    people: Annotated[int, typer.Option(min=1, help="People they are of.")] = 10_000,
    peer_events: Annotated[
        int | None,
        typer.Option(
            min=100,
            help="About so many events for per-event peers.",
            show_default=f"20000, with --peers {FEW_EVENTS}",
        ),
    ] = None,
    runs: Annotated[int, typer.Option(min=1, max=100, help="Rounds of runs.")] = 3,
    partitions: Annotated[int, typer.Option(min=1, max=256, help="Partitions.")] = 8,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same events.")] = 1,
    peers: Annotated[
        bool, typer.Option("--peers", help="Measure every peer; first `make bench-install`.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="With --peers, a system to run beside ours; repeatable."),
    ] = None,
    recovery: Annotated[
        bool, typer.Option("--recovery", help="Measure a restore instead.")
    ] = False,
    restored: Annotated[
        int, typer.Option(min=1_000, help="People to restore, with --recovery.")
    ] = 1_000_000,
    partners: Annotated[
        bool, typer.Option("--partners", help="Measure the gateway and a partner instead.")
    ] = False,
    grants: Annotated[
        int, typer.Option(min=100, help="People with a grant for each partner, with --partners.")
    ] = 100_000,
    decisions: Annotated[
        int, typer.Option(min=1, help="Decisions to time in each round, with --partners.")
    ] = 5_000,
    save: Annotated[
        Path | None, typer.Option(help="A folder to keep the raw result in.", file_okay=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure this pipeline beside a per-event Faust agent and a copy without any work.

    Or, with --peers, beside every other stream processor that can run here, with the same
    scoring on a store of its own; or, with --recovery, how long a restore takes; or, with
    --partners, how fast the gateway follows and how soon a partner decides.

    Kafka is the one SESAME_BOOTSTRAP names; without it, one is started for the occasion.
    Nothing else should run on the machine meanwhile.
    """
    from pipeline.dev.bench import page  # noqa: PLC0415 - help stays quick
    from pipeline.dev.bench.workload import Workload  # noqa: PLC0415

    _refuse_two(
        {"--peers": peers, "--recovery": recovery, "--partners": partners, "--only": bool(only)}
    )
    chosen = bench_peers.choose(only or []) if peers else []
    workload = Workload(people, events, seed)
    with _bench(partitions, show=not as_json) as prepared:
        facts = _facts(workload, partitions)
        if peers:
            few = workload.scaled(min(peer_events or FEW_EVENTS, events))
            compared = bench_peers.measure(prepared, chosen, workload, few, runs)
            result = compared.as_json() | facts
            name, tell = page.PEERS, partial(bench_peers.tell, compared)
        elif partners:
            facts["input"]["grants"] = grants
            measured = _measure_partners(prepared, workload, grants, decisions, runs)
            result = measured.as_json() | facts
            name, tell = page.PARTNERS, partial(_tell_partners, measured)
        elif recovery:
            found = _recover(prepared, workload, restored)
            result = {"recovery": _restore_figures(found)} | facts
            name, tell = page.RECOVERY, partial(_tell_recovery, found)
        else:
            comparison = _compare(prepared, workload, peer_events or _PEER_EVENTS, runs)
            result = comparison.as_json() | facts
            name, tell = page.COMPARISON, partial(_tell_comparison, comparison)
    if save is not None:
        page.save(result, name, save)
    if as_json:
        print_json(result)
    else:
        tell()
        _tell_machine(facts["machine"])


def _refuse_two(asked: Mapping[str, bool]) -> None:
    both = [name for name, on in asked.items() if on and name != "--only"]
    if len(both) > 1:
        raise typer.BadParameter(f"{' and '.join(both)} are {len(both)} measurements; choose one")
    if asked["--only"] and not asked["--peers"]:
        raise typer.BadParameter("--only chooses among the systems of --peers")


@contextmanager
def _bench(partitions: int, *, show: bool) -> Iterator["Bench"]:
    from pipeline.dev.bench.systems import Bench  # noqa: PLC0415
    from pipeline.dev.broker import EmbeddedBroker  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="sesame-bench-") as folder, _status(show) as say:
        if _is_given_broker():
            yield Bench(settings.load(partitions=partitions), Path(folder), say)
            return
        say("starting Kafka")
        with EmbeddedBroker() as broker:
            current = settings.load(bootstrap=broker.bootstrap, partitions=partitions)
            yield Bench(current, Path(folder), say)


@contextmanager
def _status(show: bool) -> Iterator[Callable[[str], None]]:  # noqa: FBT001 - says it all
    from rich.console import Console  # noqa: PLC0415

    console = Console(stderr=True, quiet=not show)
    with console.status("") as status:
        yield status.update


def _is_given_broker() -> bool:
    return bool(os.environ.get(settings.variable("bootstrap")))


def _facts(workload: "Workload", partitions: int) -> dict[str, Any]:
    from pipeline.dev.bench.machine import facts  # noqa: PLC0415

    return {
        "machine": facts(own_broker=not _is_given_broker()),
        "input": {**asdict(workload), "partitions": partitions},
    }


def _compare(prepared: "Bench", workload: "Workload", peer_events: int, runs: int) -> "Comparison":
    from pipeline.dev.bench.compare import Plan, compare  # noqa: PLC0415

    return compare(prepared, Plan(workload, workload.scaled(peer_events), runs))


def _recover(prepared: "Bench", workload: "Workload", restored: int) -> "Recovery":
    from pipeline.dev.bench.recovery import measure  # noqa: PLC0415

    return measure(prepared, workload, restored)


def _measure_partners(
    prepared: "Bench", workload: "Workload", grants: int, decisions: int, runs: int
) -> "Partnership":
    from pipeline.dev.bench.partners.measure import Plan, measure  # noqa: PLC0415

    return measure(prepared, Plan(workload, grants, decisions, runs))


def _tell_summaries(
    summaries: Sequence["Summary"], ratios: Mapping[str, float], last_column: str
) -> None:
    rows = [
        (
            each.system,
            f"{each.events_per_second:,.0f}",
            f"{each.lowest:,.0f} to {each.highest:,.0f}",
            f"{each.cpu_us_per_event:,.1f}",
            f"{each.peak_rss_mb:,.0f}",
            f"{ratios[each.system]:.2f}" if each.system in ratios else "",
        )
        for each in summaries
    ]
    columns = ("System", "Events/s", "Spread", "CPU us/event", "Peak MB", last_column)
    print_table(columns, rows, f"Medians, rounds: {summaries[0].runs}")


def _tell_comparison(comparison: "Comparison") -> None:
    _tell_summaries(comparison.summaries, comparison.ratios, "Ours over it")
    checked = comparison.checked
    typer.echo(
        f"The per-event peer gave the same scores for all {checked.people:,} people "
        f"compared, {checked.scored:,} of them with a score."
    )


def _tell_partners(found: "Partnership") -> None:
    _tell_summaries(found.summaries, found.shares, "Over sesame's")
    told = found.as_json()
    asked, decided = told["decision_ms"], told["decide_us"]
    rows = [
        ("scores published by sesame a second", f"{told['scores_published_per_second']:,.0f}"),
        ("gateway-scores over them", f"{told['over_published']:.2f}"),
        ("partner records a second", f"{told['partner_records_per_second']:,.0f}"),
        ("those over sesame's events", f"{told['ratios']['partner-records']:.2f}"),
        ("POST /rentals, median ms", f"{asked['p50']:.2f}"),
        ("POST /rentals, 99 % ms", f"{asked['p99']:.2f}"),
        ("decide in process, median us", f"{decided['p50']:.1f}"),
        ("decide in process, 99 % us", f"{decided['p99']:.1f}"),
    ]
    print_table(("Partners", ""), rows)


def _restore_figures(found: "Recovery") -> dict[str, Any]:
    return {
        **asdict(found),
        "people_per_second": found.people_per_second,
        "rss_mb_per_million": found.rss_mb_per_million,
    }


def _tell_recovery(found: "Recovery") -> None:
    rows = [
        ("people", f"{found.people:,}"),
        ("changelog records", f"{found.changelog_records:,}"),
        ("changelog MB", f"{found.changelog_bytes / 1e6:,.0f}"),
        ("seconds from start to ready", f"{found.full.seconds:.1f}"),
        ("of which an empty worker takes", f"{found.empty.seconds:.1f}"),
        ("people a second", f"{found.people_per_second:,.0f}"),
        ("peak memory, MB", f"{found.full.peak_rss_mb:,.0f}"),
        ("memory once ready, MB", f"{found.full.rss_mb:,.0f}"),
        ("memory a million people add, MB", f"{found.rss_mb_per_million:,.0f}"),
    ]
    print_table(("Recovery", ""), rows)


def _tell_machine(machine: dict[str, Any]) -> None:
    typer.echo(
        f"{machine['cores']} cores, {machine['memory_gib']} GiB, {machine['processor']}; "
        f"Python {machine['python']}, Kafka {machine['kafka']}, {machine['java'] or ''}; "
        f"load at the start {machine['load_1m_at_start']:.1f}"
    )
