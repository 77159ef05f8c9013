"""Bytes of every layout ever written mean today what they meant when they were written."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from pipeline.streaming.position import LAYOUTS, Position
from tests.unit.layouts import golden

NEW: dict[tuple[str, int], dict[str, Any]] = {
    ("factor-row", 1): {"published.explanation": 0},
    ("gateway-grant-row", 1): {"shown_until_ms": 0},
    ("gateway-person-row", 1): {"stale_sequence": 0},
    ("position", 1): {"topic_ids": {}, "transactional_id": ""},
    ("position", 2): {"transactional_id": ""},
}
"""What a former layout does not say, and is taken for."""


def versions() -> list[tuple[str, int]]:
    return [(k, v) for k, layouts in golden.ROWS.items() for v in layouts.layouts.known]


@pytest.mark.parametrize(("kind", "version"), versions())
def test_a_layout_of_rows_is_as_it_was_when_it_was_frozen(kind: str, version: int) -> None:
    kept = golden.frozen(kind, version)

    assert kept, f"{kind} {version} is not frozen: run python -m tests.unit.layouts.golden"
    assert golden.described(golden.ROWS[kind].dtypes[version]) == kept["dtype"], (
        "a layout that was written cannot change: give the new one a version of its own"
    )


@pytest.mark.parametrize(("kind", "version"), versions())
def test_frozen_rows_are_restored_as_what_they_meant(kind: str, version: int) -> None:
    layouts = golden.ROWS[kind]
    kept = golden.frozen(kind, version)["rows"]
    assert kept

    rows, outdated = layouts.read([bytes.fromhex(row["value"]) for row in kept])

    new = {"layout": layouts.layouts.current, **NEW.get((kind, version), {})}
    for row, then in zip(rows, kept, strict=True):
        assert golden.plain(row) == then["fields"] | new
    assert (outdated == (version != layouts.layouts.current)).all()


@pytest.mark.parametrize("kind", golden.LISTS)
def test_frozen_lists_are_restored_as_what_they_meant_and_written_as_they_were(kind: str) -> None:
    listed = golden.LISTS[kind]
    for version in listed.layouts.layouts.known:
        kept = golden.frozen(kind, version)["lists"]
        assert kept, f"{kind} {version} is not frozen: run python -m tests.unit.layouts.golden"
        for then in kept:
            packed, outdated = listed.layouts.read(bytes.fromhex(then["value"]))
            assert listed.read(packed) == then["content"]
            assert outdated == (version != listed.layouts.layouts.current)
    written = [listed.layouts.write(packed).hex() for packed in listed.samples]
    assert written == [then["value"] for then in kept], "the layout changed, and not its version"


def test_frozen_positions_are_restored_as_what_they_meant_and_written_as_they_were() -> None:
    for version in LAYOUTS.known:
        kept = golden.frozen("position", version).get("positions", [])
        assert kept, f"position {version} is not frozen: run python -m tests.unit.layouts.golden"
        new = NEW.get(("position", version), {})
        for then in kept:
            assert asdict(Position.decode(then["value"].encode())) == then["content"] | new
    assert [p.encode().decode() for p in golden.POSITIONS] == [p["value"] for p in kept]


def test_every_frozen_layout_of_rows_that_is_no_longer_read_was_dropped_on_purpose() -> None:
    kept = {path.stem for path in golden.FOLDER.glob("*-row-*.json")}

    assert kept == {f"{kind}-{version}" for kind, version in versions()}


@pytest.mark.parametrize("kind", golden.ROWS)
def test_rows_of_all_versions_in_one_fetch_are_read_side_by_side(kind: str) -> None:
    layouts = golden.ROWS[kind]
    values = [
        bytes.fromhex(row["value"])
        for version in [*layouts.layouts.known, *layouts.layouts.known]
        for row in golden.frozen(kind, version)["rows"]
    ]

    rows, _ = layouts.read(values)

    assert len(rows) == len(values)
    for row, value in zip(rows, values, strict=True):
        (alone,), _ = layouts.read([value])
        assert np.array_equal(row, alone)
