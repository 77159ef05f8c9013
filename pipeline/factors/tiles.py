"""Monthly tiles in rings: slot ``month % reach`` of a ring holds one month's value.

A ring's head is the month of its topic's newest accepted event; it holds the months in
``(head - reach, head]``. When the head moves on, the slots it passes held months that
have just left, so they are emptied.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.factors.columns import Bool, Int64, UInt32

Tiles = NDArray[Any]
COUNT_MAX = 255
"""Counters of tiles are 8 bit and stay there."""


def passed_slots(old_head: Int64, new_head: Int64, reach: int) -> Bool:
    """The slots that heads pass on their way, (n, reach): months ``(old_head, new_head]``."""
    first = (old_head[:, None] + 1) % reach
    distance = (np.arange(reach) - first) % reach
    passed: Bool = distance < (new_head - old_head)[:, None]
    return passed


def advance(tiles: list[Tiles], old_head: Int64, new_head: Int64) -> None:
    """Empty the slots the heads pass, in place.

    Args:
        tiles: Rings of equal reach, each (n_users, reach).
        old_head: Month (n_users,) before.
        new_head: Month (n_users,) after; not before ``old_head``.
    """
    moved = (new_head > old_head).nonzero()[0]
    if not len(moved):
        return
    passed = passed_slots(old_head[moved], new_head[moved], tiles[0].shape[1])
    for ring in tiles:
        kept = ring[moved]
        kept[passed] = 0
        ring[moved] = kept


def advance_bits(bits: UInt32, old_head: Int64, new_head: Int64, reach: int) -> None:
    """``advance`` for a ring kept as one bit a month, (n_users,), in place."""
    moved = (new_head > old_head).nonzero()[0]
    if not len(moved):
        return
    passed = passed_slots(old_head[moved], new_head[moved], reach)
    weights = np.left_shift(np.uint32(1), np.arange(reach, dtype=np.uint32))
    bits[moved] &= ~(passed * weights).sum(axis=1, dtype=np.uint32)


def add_counts(ring: Tiles, user: Int64, month: Int64) -> None:
    """Count one a pair of user and month, saturating, in place.

    Args:
        ring: Counters (n_users, reach), 8 bit.
        user: Indexes (n,) into ``ring``; may repeat.
        month: Months (n,) within the ring's reach.
    """
    if not len(user):
        return
    reach = ring.shape[1]
    counts = np.bincount(user * reach + month % reach, minlength=ring.size).reshape(ring.shape)
    ring[...] = np.minimum(ring + counts, COUNT_MAX)


def raise_to(ring: Tiles, user: Int64, month: Int64, value: Int64) -> None:
    """Raise tiles to at least the given values, in place."""
    np.maximum.at(ring, (user, month % ring.shape[1]), value.astype(ring.dtype))


def set_bits(ring: Tiles, user: Int64, month: Int64, bit: Int64) -> None:
    """Set bits ``1 << bit`` in the tiles of bit sets, in place."""
    if not len(user):
        return
    flat = ring.reshape(-1)  # a copy: the ring is strided
    reach = ring.shape[1]
    mask = np.left_shift(1, bit).astype(ring.dtype)
    np.bitwise_or.at(flat, user * reach + month % reach, mask)
    ring[...] = flat.reshape(ring.shape)
