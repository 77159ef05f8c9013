"""Several partitions in one step: each one's share, and where in the step's arrays it lies.

In arrays of people, and of a topic's records, each partition's stand together, one partition's
after the other's; ``ends`` says where each ends.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pipeline.codec.registry import SchemaRegistry
from pipeline.factors.fold import Policy
from pipeline.scoring.model import Model
from pipeline.streaming.position import Position
from pipeline.streaming.stores.base import Store


@dataclass(frozen=True, slots=True)
class StepContext:
    """What does not change from batch to batch."""

    registry: SchemaRegistry
    model: Model
    policy: Policy
    partition: int
    partitions: int
    topic_prefix: str


@dataclass(frozen=True, slots=True)
class Share:
    """One partition's part in a step: whose people, and from where on."""

    context: StepContext
    store: Store
    position: Position


def spans(ends: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Start and end of each share.

    >>> list(spans((2, 2, 5)))
    [(0, 2), (2, 2), (2, 5)]
    """
    return pairwise((0, *ends))


def by_person(values: Sequence[int], ends: Sequence[int]) -> NDArray[np.int64]:
    """Each share's value for each of its people, (n_people,).

    >>> by_person([7, 8], (2, 3)).tolist()
    [7, 7, 8]
    """
    return np.repeat(np.array(values, np.int64), np.diff(ends, prepend=0))
