"""Journal values that this program does not write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import topics
from pipeline.streaming import journal
from pipeline.streaming.position import LAYOUTS, Position

OFFSETS = st.sets(st.integers(0, 2**60), min_size=1).map(sorted)


@given(st.dictionaries(st.sampled_from(["consents", "payments"]), OFFSETS))
def test_what_was_refused_is_read_as_it_was_written(refused: dict[str, list[int]]) -> None:
    value = journal.encode(journal.Kind.BATCH, Position().encode(), refused)

    assert journal.decode(value).refused == refused


def test_the_largest_transaction_may_be_of_refused_records_only() -> None:
    offsets = range(10**15, 10**15 + 1_000_000)
    value = journal.encode(journal.Kind.BATCH, Position().encode(), {"payments": offsets})

    assert len(value) < topics.JOURNAL.bytes_max


def test_an_unknown_kind_is_refused() -> None:
    value = journal.encode(journal.Kind.BATCH, Position().encode())

    with pytest.raises(ValueError, match="MERGE"):
        journal.decode(value.replace(b"BATCH", b"MERGE"))


def test_a_position_of_another_layout_is_refused() -> None:
    value = journal.encode(journal.Kind.BATCH, Position().encode())

    with pytest.raises(ValueError, match="layout 99"):
        journal.decode(value.replace(b'"layout": %d' % LAYOUTS.current, b'"layout": 99'))
