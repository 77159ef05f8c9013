"""What the recovery tables say they are of."""

from typing import Any

import pytest

from pipeline.dev.bench import recovery_page

STARTED = {"seconds": 1.25, "rss_mb": 100.0, "peak_rss_mb": 110.0}
FOUND: dict[str, Any] = {
    "people": 1_000,
    "changelog_records": 3_000,
    "changelog_bytes": 2_000_000,
    "empty": STARTED,
    "full": STARTED,
    "people_per_second": 800.0,
    "rss_mb_per_million": 5.0,
}


@pytest.mark.parametrize(
    ("more", "title"),
    [
        ({}, "Recovery:"),
        (
            {"store": "memory", "again": STARTED},
            "Recovery, with checkpoints on disk (`SESAME_STATE_DIR`):",
        ),
        (
            {"store": "rocksdb", "again": STARTED},
            "Recovery, with people in RocksDB (`SESAME_STORE=rocksdb`):",
        ),
    ],
)
def test_each_table_says_where_people_were(more: dict[str, Any], title: str) -> None:
    table = recovery_page.figures({"recovery": FOUND | more})
    assert table.splitlines()[0] == title
    assert ("from checkpoints on disk | 1.2 |" in table) == ("again" in more)
