"""A checkpoint is gone on from only where the changelog behind it is whole."""

from dataclasses import replace

import pytest

from pipeline import topics
from pipeline.streaming.position import Position
from pipeline.streaming.stores import checkpoint
from pipeline.streaming.stores.checkpoint import Changelog, Checkpoint, Identity, decode, misfit

NOW_MS = 1_763_900_000_000
CHANGELOG = Changelog(topics.CHANGELOG, partition=3, generation=2, start=10, end=90)
IDENTITY = Identity("topic", tombstone_ms=100_000)
GOOD = Checkpoint("topic", 2, 40, NOW_MS - 50_000, Position({"payments": 7}), people=5)


def test_a_checkpoint_of_this_changelog_and_not_too_old_fits() -> None:
    assert misfit(GOOD, CHANGELOG, IDENTITY, NOW_MS) is None


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (replace(GOOD, generation=1), "generation 1, now it is 2"),
        (replace(GOOD, topic_id="another"), "made anew"),
        (replace(GOOD, offset=9), "it is at 9, and the changelog goes from 10 to 90"),
        (replace(GOOD, offset=91), "it is at 91"),
        (replace(GOOD, at_ms=NOW_MS - 50_001), "50 s old"),
        (replace(GOOD, at_ms=NOW_MS + 1), "old"),
    ],
)
def test_any_other_is_dropped_for_a_reason(found: Checkpoint, why: str) -> None:
    assert why in str(misfit(found, CHANGELOG, IDENTITY, NOW_MS))


def test_where_the_time_of_tombstones_may_not_be_seen_none_fits() -> None:
    assert "may not be seen" in str(misfit(GOOD, CHANGELOG, Identity("topic", None), NOW_MS))


def test_what_is_written_is_read_again() -> None:
    for found in (GOOD, replace(GOOD, position=None, unpurged=True, outdated=2)):
        assert decode(found.encode()) == found


def test_rows_of_another_program_are_not_taken_for_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    written = GOOD.encode()
    monkeypatch.setattr(checkpoint, "LAYOUTS", (3, *checkpoint.LAYOUTS[1:]))
    assert decode(written) is None


@pytest.mark.parametrize("value", [b"", b"?", b"[]", b"{}", b'{"form": 1}', b"\xff"])
def test_what_is_no_checkpoint_is_none(value: bytes) -> None:
    assert decode(value) is None
