"""Which of many values do not decode: the batch decoder raises without naming them.

Walks all values field by field at once, without keeping what they hold. As quick for a
thousand bad values as for one, so a producer of rubbish does not slow its neighbours down.
"""

import numpy as np

from pipeline.codec.layout import FieldLayout, Kind, Layout
from pipeline.codec.wire import HEADER_BYTES
from pipeline.factors.columns import Bool, Int64, UInt8

_VARINT_BYTES_MAX = 10
_DOUBLE_BYTES = 8


class _Walk:
    """Where each value stands; ``left`` are the positions of those still well-formed."""

    def __init__(self, values: list[bytes]) -> None:
        sizes = np.fromiter(map(len, values), np.int64, len(values))
        # A byte to look at beyond the last value: reads are checked after the fact.
        self.data: UInt8 = np.frombuffer(b"".join(values) + b"\0", np.uint8)
        self.end = np.cumsum(sizes)
        self.at = self.end - sizes + HEADER_BYTES
        self.malformed = np.zeros(len(values), np.bool_)

    def refuse(self, which: Int64, bad: Bool) -> Int64:
        """Those of ``which`` that are not bad; the others stop here."""
        self.malformed[which[bad]] = True
        return which[~bad]

    def byte(self, which: Int64) -> tuple[Int64, UInt8]:
        """The next byte of those that have one."""
        which = self.refuse(which, self.at[which] >= self.end[which])
        read = self.data[self.at[which]]
        self.at[which] += 1
        return which, read

    def skip(self, which: Int64, sizes: Int64 | int) -> None:
        """Pass over bytes of those that have as many."""
        short = (sizes < 0) | (sizes > self.end[which] - self.at[which])
        self.at[which] += np.where(short, 0, sizes)
        self.refuse(which, np.broadcast_to(short, which.shape))

    def integer(self, which: Int64) -> tuple[Int64, Int64]:
        """The next integer of those that have one."""
        zigzag = np.zeros(len(self.at), np.uint64)
        pending = which
        for place in range(_VARINT_BYTES_MAX):
            pending, read = self.byte(pending)
            zigzag[pending] |= (read & np.uint8(0x7F)).astype(np.uint64) << np.uint64(7 * place)
            pending = pending[read >= 0x80]  # noqa: PLR2004 - the bit that says more follows
            if not len(pending):
                break
        self.malformed[pending] = True
        which = which[~self.malformed[which]]
        halves = (zigzag[which] >> np.uint64(1)).view(np.int64)
        return which, halves ^ -(zigzag[which] & np.uint64(1)).view(np.int64)


def find_malformed(values: list[bytes], layout: Layout) -> dict[int, str]:
    """The values that break off or hold what their schema does not allow, and where.

    Args:
        values: Framed values of one schema.
        layout: That schema's layout.
    """
    walk = _Walk(values)
    errors: dict[int, str] = {}
    for field in layout.fields:
        before = walk.malformed.copy()
        _pass(field, np.flatnonzero(~before), walk)
        for at in np.flatnonzero(walk.malformed & ~before):
            errors[int(at)] = f"{field.name} breaks off or is no {field.kind.value}"
    return errors


def _pass(field: FieldLayout, which: Int64, walk: _Walk) -> None:
    if field.nullable:
        which, branch = walk.integer(which)
        bad = (branch != 0) & (branch != 1)
        given = branch == (1 if field.null_first else 0)
        which = walk.refuse(which, bad)[given[~bad]]
    if field.kind is Kind.DOUBLE:
        walk.skip(which, _DOUBLE_BYTES)
    elif field.kind is Kind.BOOLEAN:
        which, read = walk.byte(which)
        walk.refuse(which, read > 1)
    else:
        which, number = walk.integer(which)
        if field.kind is Kind.STRING:
            walk.skip(which, number)
