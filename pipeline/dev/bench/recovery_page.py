"""The recovery table of docs/performance.md."""

from typing import Any

_TITLES = {
    "memory": "Recovery, with checkpoints on disk (`SESAME_STATE_DIR`):",
    "rocksdb": "Recovery, with people in RocksDB (`SESAME_STORE=rocksdb`):",
}


def figures(result: dict[str, Any]) -> str:
    """Starts of workers, and taking over."""
    found = result["recovery"]
    rows = [
        ("people", f"{found['people']:,}"),
        ("changelog records", f"{found['changelog_records']:,}"),
        ("changelog MB", f"{found['changelog_bytes'] / 1e6:,.0f}"),
        ("seconds from start of the process to ready", f"{found['full']['seconds']:.1f}"),
        ("of which a worker without people takes", f"{found['empty']['seconds']:.1f}"),
        ("people a second, start-up included", f"{found['people_per_second']:,.0f}"),
        *_take_over(found.get("take_over")),
        ("peak memory, MB", f"{found['full']['peak_rss_mb']:,.0f}"),
        ("memory that a million people add, MB", f"{found['rss_mb_per_million']:,.0f}"),
    ]
    if again := found.get("again"):
        rows.append(("seconds to ready from checkpoints on disk", f"{again['seconds']:.1f}"))
    lines = [
        _TITLES[found["store"]] if found.get("again") else "Recovery:",
        "",
        "| | |",
        "| --- | ---: |",
        *(f"| {a} | {b} |" for a, b in rows),
    ]
    return "\n".join([*lines, ""])


def _take_over(found: dict[str, Any] | None) -> list[tuple[str, str]]:
    if found is None:
        return []
    return [
        (
            "seconds from kill -9 of one of two workers to the other being ready, warm",
            f"{found['seconds']:.1f}",
        ),
        ("of which the session time-out is at most", f"{found['session_timeout_s']:.1f}"),
        ("people taken over", f"{found['people']:,}"),
        ("changelog records read for them", f"{found['records_read']:,}"),
    ]
