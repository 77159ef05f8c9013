"""Schemas of a batch, asked for before it is decoded and beside the event loop."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import cast

import structlog

from pipeline.codec.registry import RegistryError, RemoteRegistry, SchemaRegistry
from pipeline.codec.wire import HEADER_BYTES, WireFormatError, schema_id_of
from pipeline.streaming.columnar import values_of
from pipeline.streaming.records import Record

log = structlog.get_logger(__name__)

PATIENCE_S = 30.0
"""How long a registry that cannot answer is asked again before the worker ends."""
_RETRY_S = 1.0
# One thread: a registry is not asked from all lanes at once.
_BESIDE = ThreadPoolExecutor(1, "schema-registry")


@cache
def _are_remote(kind: type[SchemaRegistry]) -> bool:
    # Asked of an object, each member is looked for, for each lane's every step.
    return issubclass(kind, RemoteRegistry)


async def look_up_schemas(
    registry: SchemaRegistry, records: Mapping[str, Sequence[Record]]
) -> None:
    """Ask the registry for what it was not asked for before, so that decoding need not.

    What is named most often is asked for first, as not all may be asked for; meanwhile other
    lanes go on.

    Raises:
        RegistryError: It could not answer for `PATIENCE_S`.
    """
    if not _are_remote(type(registry)):
        return
    remote = cast("RemoteRegistry", registry)
    wanted = _wanted(remote, records)
    patient_until = time.monotonic() + PATIENCE_S
    while wanted:
        try:
            await asyncio.get_running_loop().run_in_executor(_BESIDE, remote.look_up, wanted)
        except RegistryError as error:
            if time.monotonic() > patient_until:
                raise
            log.warning("schema registry does not answer", error=str(error))
            await asyncio.sleep(_RETRY_S)
        else:
            return


def _wanted(registry: RemoteRegistry, records: Mapping[str, Sequence[Record]]) -> list[int]:
    """Schema ids it has no answer to, those named most often first."""
    heads = Counter(
        value[:HEADER_BYTES]
        for batch in records.values()
        for value in values_of(batch)
        if value is not None
    )
    ids = []
    for head, _ in heads.most_common():
        try:
            schema_id = schema_id_of(head)
        except WireFormatError:
            continue
        if not registry.is_known(schema_id):
            ids.append(schema_id)
    return ids
