"""Work that several lanes wait for: one that is cancelled takes it from no other."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from aiokafka.errors import KafkaError

T = TypeVar("T")


def begun(work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
    """Begin something that lanes will wait for; it may fail although none of them is left."""
    task = asyncio.create_task(work)
    task.add_done_callback(_look_at)
    return task


async def outcome(work: "asyncio.Task[T]") -> T:
    """What shared work comes to.

    Raises:
        KafkaError: It was broken off; and whatever else it raises.
    """
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise KafkaError("what others were waiting for, too, was broken off") from None


def _look_at(done: "asyncio.Task[Any]") -> None:
    if not done.cancelled():
        done.exception()
