"""``sesame bench --recovery``: how long a restore takes, and taking over."""

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from pipeline.cli.bench_outcome import Outcome
from pipeline.cli.output import print_table

if TYPE_CHECKING:
    from pipeline.dev.bench.recovery import Recovery
    from pipeline.dev.bench.systems import Bench
    from pipeline.dev.bench.takeover import TakeOver
    from pipeline.dev.bench.workload import Workload


def measure(prepared: "Bench", workload: "Workload", restored: int) -> Outcome:
    """Restore so many people."""
    from pipeline.dev.bench import page  # noqa: PLC0415 - help stays quick
    from pipeline.dev.bench.recovery import measure as measured  # noqa: PLC0415

    found = measured(prepared, workload, restored)
    on_disk = {"memory": page.RECOVERY_CHECKPOINTS, "rocksdb": page.RECOVERY_ROCKSDB}
    name = page.RECOVERY if found.again is None else on_disk[found.store]
    return Outcome({"recovery": figures(found)}, name, partial(tell, found))


def figures(found: "Recovery") -> dict[str, Any]:
    """The result for programs."""
    return {
        **asdict(found),
        "restore_seconds": found.restore_seconds,
        "people_per_second": found.people_per_second,
        "rss_mb_per_million": found.rss_mb_per_million,
    }


def tell(found: "Recovery") -> None:
    """Print them."""
    rows = [
        ("people", f"{found.people:,}"),
        ("changelog records", f"{found.changelog_records:,}"),
        ("changelog MB", f"{found.changelog_bytes / 1e6:,.0f}"),
        ("seconds from start to ready", f"{found.full.seconds:.1f}"),
        ("of which an empty worker takes", f"{found.empty.seconds:.1f}"),
        ("people a second", f"{found.people_per_second:,.0f}"),
        *_taken_over(found.take_over),
        ("peak memory, MB", f"{found.full.peak_rss_mb:,.0f}"),
        ("memory once ready, MB", f"{found.full.rss_mb:,.0f}"),
        ("memory a million people add, MB", f"{found.rss_mb_per_million:,.0f}"),
    ]
    if found.again is not None:
        rows.insert(5, ("from its checkpoints", f"{found.again.seconds:.1f}"))
    print_table(("Recovery", ""), rows)


def _taken_over(found: "TakeOver | None") -> list[tuple[str, str]]:
    if found is None:
        return []
    return [
        ("seconds from kill -9 to a warm other", f"{found.seconds:.1f}"),
        ("of which the session time-out, at most", f"{found.session_timeout_s:.1f}"),
        ("people taken over", f"{found.people:,}"),
        ("changelog records read for them", f"{found.records_read:,}"),
    ]
