"""Journal values that this program does not write."""

import pytest

from pipeline.streaming import journal
from pipeline.streaming.position import Position


def test_an_unknown_kind_is_refused() -> None:
    value = journal.encode(journal.Kind.BATCH, Position().encode())

    with pytest.raises(ValueError, match="MERGE"):
        journal.decode(value.replace(b"BATCH", b"MERGE"))


def test_a_position_of_another_layout_is_refused() -> None:
    value = journal.encode(journal.Kind.BATCH, Position().encode())

    with pytest.raises(ValueError, match="layout 99"):
        journal.decode(value.replace(b'"layout": 2', b'"layout": 99'))
