"""What a partition's gateway works with and what does not change from batch to batch."""

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.codec.registry import SchemaRegistry
from pipeline.gateway.keyring import KeyRing
from pipeline.gateway.terms import TermsBox
from pipeline.settings import Settings


@dataclass(slots=True)
class GatewayContext:
    """Terms and keys may be exchanged while the gateway runs; it looks before each batch.

    ``clock_ms`` is the wall clock: grants end by it, not only by what comes in.
    """

    registry: SchemaRegistry
    terms: TermsBox
    keyring: KeyRing
    partition: int
    partitions: int
    topic_prefix: str
    settings: Settings
    clock_ms: Callable[[], int]
