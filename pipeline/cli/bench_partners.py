"""``sesame bench --partners``: how fast the gateway follows, how soon a partner decides."""

from functools import partial
from typing import TYPE_CHECKING

from pipeline.cli.bench_outcome import Outcome
from pipeline.cli.bench_tables import print_summaries
from pipeline.cli.output import print_table

if TYPE_CHECKING:
    from pipeline.dev.bench.partners.measure import Partnership
    from pipeline.dev.bench.systems import Bench
    from pipeline.dev.bench.workload import Workload


def measure(
    prepared: "Bench", workload: "Workload", grants: int, decisions: int, runs: int
) -> Outcome:
    """Measure the pipeline, the gateway and decisions in turn."""
    from pipeline.dev.bench import page  # noqa: PLC0415 - help stays quick
    from pipeline.dev.bench.partners.measure import Plan  # noqa: PLC0415
    from pipeline.dev.bench.partners.measure import measure as measured  # noqa: PLC0415

    found = measured(prepared, Plan(workload, grants, decisions, runs))
    return Outcome(found.as_json(), page.PARTNERS, partial(tell, found), {"grants": grants})


def tell(found: "Partnership") -> None:
    """Print rates and latencies."""
    print_summaries(found.summaries, found.shares, "Over sesame's")
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
