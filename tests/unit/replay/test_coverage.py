from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipeline.replay.coverage import first_gap, joined

SPANS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 12)).map(lambda s: range(s[0], sum(s)))
)


@given(SPANS)
def test_joined_spans_hold_the_same_offsets_and_never_touch(spans: list[range]) -> None:
    whole = joined(spans)
    assert {o for s in whole for o in s} == {o for s in spans for o in s}
    assert all(one.stop < other.start for one, other in pairwise(whole))


@given(SPANS, st.integers(0, 40), st.integers(0, 20))
def test_the_first_gap_is_the_least_offset_that_is_needed_and_not_there(
    spans: list[range], start: int, size: int
) -> None:
    there = {offset for span in spans for offset in span}
    missing = [offset for offset in range(start, start + size) if offset not in there]
    gap = first_gap(spans, range(start, start + size))
    if not missing:
        assert gap is None
        return
    assert gap is not None
    first, found = gap
    assert first == missing[0]
    later = [offset for offset in there if offset > first]
    assert found == min(later, default=None)
