"""Which offsets of a topic's partition can be had, and where."""

from collections.abc import Iterable


def joined(spans: Iterable[range]) -> list[range]:
    """Spans in their order, those that touch or overlap as one; empty ones left out.

    >>> joined([range(5, 9), range(0, 5), range(12, 12), range(20, 30)])
    [range(0, 9), range(20, 30)]
    """
    whole: list[range] = []
    for span in sorted((s for s in spans if s), key=lambda s: s.start):
        if whole and span.start <= whole[-1].stop:
            whole[-1] = range(whole[-1].start, max(whole[-1].stop, span.stop))
        else:
            whole.append(span)
    return whole


def first_gap(spans: Iterable[range], needed: range) -> tuple[int, int | None] | None:
    """The first offset of ``needed`` that no span has, and where they go on; None: there is none.

    >>> first_gap([range(0, 9), range(20, 30)], range(3, 25))
    (9, 20)
    >>> first_gap([range(0, 9)], range(3, 9)) is None
    True
    """
    at = needed.start
    for span in joined(spans):
        if at >= needed.stop:
            return None
        if span.start > at:
            return at, span.start
        at = max(at, span.stop)
    return (at, None) if at < needed.stop else None
