"""Closes stores beside the event loop: writing what they hold takes as long as the disk does."""

import asyncio
from functools import partial

from pipeline.streaming.beside import ended
from pipeline.streaming.stores.base import Store


async def close(store: Store, *, save: bool) -> None:
    """Close a store; whoever is cancelled waits for it too.

    Its folder is in use until then, and who opens it next would be refused.
    """
    loop = asyncio.get_running_loop()
    closing = loop.run_in_executor(None, partial(store.close, save=save))
    try:
        await asyncio.shield(closing)
    finally:
        await ended(closing)
