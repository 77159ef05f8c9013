"""What was fetched is taken in turn, for as long as anything is given."""

import asyncio
from collections.abc import Collection, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pipeline.streaming.bounded import BoundedResult, take_fetched

PATIENCE = 1_000


@pytest.fixture(autouse=True)
def bounds(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(BoundedResult, "bytes_max", 1_000, raising=False)
    return iter(())


def holding(*partitions: str) -> Any:
    """Records of some partitions, as a fetcher holds them until they are taken."""
    results = {tp: object.__new__(BoundedResult) for tp in partitions}
    return SimpleNamespace(
        _subscriptions=SimpleNamespace(reassignment_in_progress=False), _records=results
    )


def test_while_the_flow_is_stopped_nothing_is_taken_and_nobody_held_up() -> None:
    asked: list[Collection[str]] = []

    async def stopped(partitions: Collection[str], _: float, __: int | None) -> dict[str, Any]:
        asked.append(partitions)
        assert len(asked) < PATIENCE, "asked again and again without a pause"
        return {}

    taken = asyncio.run(take_fetched(holding("a", "b"), cast("Any", stopped), ["a", "b"], 0.1))
    assert taken == {}
