"""``sesame bench --scale``: what more workers, people, partitions and uneven keys cost."""

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from pipeline.cli.bench_outcome import Outcome
from pipeline.cli.output import print_table

if TYPE_CHECKING:
    from pipeline.dev.bench.scale.found import Found
    from pipeline.dev.bench.systems import Bench
    from pipeline.dev.bench.workload import Workload

_EVENTS_A_PERSON = 100
_TEMPLATE_PEOPLE = 10_000


class Largest(NamedTuple):
    """The ends of the grid."""

    workers: int
    people: int
    partitions: int


def measure(prepared: "Bench", workload: "Workload", largest: Largest, runs: int) -> Outcome:
    """Measure the grid; people are copies of some thousands of the workload's kind."""
    from pipeline.dev.bench import page  # noqa: PLC0415 - help stays quick
    from pipeline.dev.bench.scale.grid import Grid  # noqa: PLC0415
    from pipeline.dev.bench.scale.measure import Plan, measure  # noqa: PLC0415
    from pipeline.dev.bench.workload import Workload  # noqa: PLC0415

    people = min(workload.people, _TEMPLATE_PEOPLE)
    originals = Workload(people, _EVENTS_A_PERSON * people, workload.seed)
    plan = Plan(originals, Grid.up_to(*largest), workload.events, runs)
    found = measure(prepared, plan)
    return Outcome(found.as_json(), page.SCALE, partial(tell, found))


def tell(found: "Found") -> None:
    """Print each cell."""
    summaries = found.as_json()["summaries"]
    rows = [
        (
            f"{each['workers']:,}",
            f"{each['people']:,}",
            f"{each['partitions']:,}",
            f"{each['skew']:g}",
            f"{each['events_per_second']:,.0f}",
            f"{each['lowest']:,.0f} to {each['highest']:,.0f}",
            f"{each['events_per_cpu_second']:,.0f}",
            f"{each['bytes_a_person']:,.0f}",
        )
        for each in summaries
    ]
    columns = ("Workers", "People", "Partitions", "Zipf", "Events/s", "Spread",
               "Events/CPU s", "Bytes a person")  # fmt: skip
    print_table(columns, rows, f"Medians, rounds: {summaries[0]['runs']}")
