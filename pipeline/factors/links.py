"""A person's links to others: a packed list beside the rows.

Per link its own side (what this person said last, and when) and the peer's side (what the
other's partition reported last). A removal is kept until no older confirmation can come
any more. When the other is erased the whole link goes, as far as it is folded by then: here
the order of arrival counts. The layout is versioned by LINKS_LAYOUT.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from pipeline.factors.layout import LINKS_MAX

UNSCORED = -1
"""Base score of a peer that has none."""


class Own(IntEnum):
    """What the person's own side of a link says."""

    SILENT = 0
    CONFIRMED = 1
    REMOVED = 2


@dataclass(slots=True)
class Link:
    """One link; ``peer_base`` is the peer's base score in points or UNSCORED."""

    own_at_ms: int = 0
    own: Own = Own.SILENT
    peer_active: bool = False
    peer_base: int = UNSCORED

    @property
    def mutual(self) -> bool:
        """Both sides confirmed and consented."""
        return self.own is Own.CONFIRMED and self.peer_active

    @property
    def blank(self) -> bool:
        """Nothing left to keep."""
        return self.own is Own.SILENT and not self.peer_active


Links = dict[str, Link]

# bytes of the other's id, own time (ms), own side, peer active, peer's base score
_HEAD = struct.Struct("<HqB?h")
_OWN_AT = struct.calcsize("<Hq")
_ASCII_MAX = 0x7F
Int = NDArray[np.int64]


def unpack(packed: bytes) -> Links:
    """The links by the other person's id.

    Raises:
        ValueError, struct.error: It is no such list.
    """
    links: Links = {}
    at = 0
    while at < len(packed):
        width, own_at_ms, own, active, base = _HEAD.unpack_from(packed, at)
        at += _HEAD.size
        links[packed[at : at + width].decode()] = Link(own_at_ms, Own(own), active, base)
        at += width
    if at > len(packed):
        raise ValueError("the last name is cut off")
    return links


def confirmed(packed: bytes) -> list[str]:
    """The others to whom the person's own side is confirmed, as `unpack` tells it."""
    others: list[str] = []
    at = 0
    while at < len(packed):
        width, _, own, _, _ = _HEAD.unpack_from(packed, at)
        at += _HEAD.size
        if own == Own.CONFIRMED:
            others.append(packed[at : at + width].decode())
        at += width
    return others


def surely_whole(octets: NDArray[np.uint8], starts: Int, ends: Int) -> NDArray[np.bool_]:
    """Which of many packed lists `unpack` takes, (n,): those whose names are ASCII.

    Of another it has to be tried: its names may be UTF-8 or broken.

    Args:
        octets: All of them.
        starts: Where each begins, (n,).
        ends: Where each ends, (n,).
    """
    whole = np.ones(len(starts), np.bool_)
    foreign = np.zeros(len(octets) + 1, np.int32)
    np.cumsum(octets > _ASCII_MAX, dtype=np.int32, out=foreign[1:])
    left, at = np.flatnonzero(starts < ends), starts.copy()
    while len(left):
        name = at[left] + _HEAD.size
        fits = name <= ends[left]
        whole[left[~fits]] = False
        left, name = left[fits], name[fits]
        head = name - _HEAD.size
        after = name + octets[head] + octets[head + 1].astype(np.int64) * 256
        within = np.minimum(after, ends[left])
        sound = (after <= ends[left]) & (octets[head + _OWN_AT] <= Own.REMOVED)
        whole[left] = sound & (foreign[within] == foreign[name])
        at[left] = after
        left = left[whole[left] & (after < ends[left])]
    return whole


def pack(links: Links) -> bytes:
    """The links as bytes, ordered by the other person's id."""
    parts: list[bytes] = []
    for other, link in sorted(links.items()):
        name = other.encode()
        head = (len(name), link.own_at_ms, link.own, link.peer_active, link.peer_base)
        parts += (_HEAD.pack(*head), name)
    return b"".join(parts)


def forget_removals(links: Links, before_s: int) -> None:
    """Drop removals older than any confirmation that would still be accepted."""
    removed = Own.REMOVED
    for other in [other for other, link in links.items() if link.own is removed]:
        link = links[other]
        if link.own_at_ms // 1000 < before_s:
            link.own, link.own_at_ms = Own.SILENT, 0
            if link.blank:
                del links[other]


def enforce_bound(links: Links) -> list[str]:
    """Drop what is over LINKS_MAX; the others to whom the own side was confirmed.

    Removals go first, then links only the peer confirmed, then the oldest confirmations;
    ties by id.
    """
    if len(links) <= LINKS_MAX:
        return []

    def rank(item: tuple[str, Link]) -> tuple[int, int, str]:
        other, link = item
        if link.own is Own.CONFIRMED:
            return 2, link.own_at_ms, other
        return int(link.peer_active), link.own_at_ms, other

    dropped: list[str] = []
    while len(links) > LINKS_MAX:
        other, link = min(links.items(), key=rank)
        del links[other]
        if link.own is Own.CONFIRMED:
            dropped.append(other)
    return dropped
