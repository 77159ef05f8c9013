"""Values of former layouts are brought up to date; what is not known is refused by name."""

import numpy as np
import pytest

from pipeline.factors.migration import carried
from pipeline.streaming.layouts import Layouts, ListLayouts, RowLayouts, UnreadableRowError

FIRST = np.dtype([("layout", "u1"), ("paid", "u1", (2,)), ("told", [("score", "<u2")])])
SECOND = np.dtype(
    [("layout", "u1"), ("paid", "<u2", (2,)), ("told", [("score", "<u2"), ("band", "u1")])]
)
THIRD = np.dtype([("layout", "u1"), ("told", [("score", "<u2"), ("band", "u1")]), ("sum", "<u4")])


def to_second(rows: np.ndarray) -> np.ndarray:
    return carried(rows, SECOND, new={"paid": rows["paid"], "told.band": 7})


def to_third(rows: np.ndarray) -> np.ndarray:
    return carried(rows, THIRD, new={"sum": rows["paid"].sum(axis=1)}, dropped=("paid",))


ROWS = RowLayouts(
    Layouts("test row", 3, {1: to_second, 2: to_third}), {1: FIRST, 2: SECOND, 3: THIRD}
)


def value(dtype: np.dtype[np.void], *fields: object) -> bytes:
    return np.array([fields], dtype).tobytes()


def test_rows_of_all_versions_in_one_fetch_come_out_in_order_and_in_the_newest() -> None:
    rows, outdated = ROWS.read(
        [
            value(THIRD, 3, (600, 1), 9),
            value(FIRST, 1, (250, 10), (610,)),
            value(SECOND, 2, (400, 1), (620, 2)),
            value(FIRST, 1, (0, 1), (630,)),
        ]
    )

    assert rows.dtype == THIRD
    assert rows["layout"].tolist() == [3, 3, 3, 3]
    assert rows["told"]["score"].tolist() == [600, 610, 620, 630]
    assert rows["told"]["band"].tolist() == [1, 7, 2, 7]
    assert rows["sum"].tolist() == [9, 260, 401, 1]
    assert outdated.tolist() == [False, True, True, True]


def test_no_rows_are_read_as_none() -> None:
    rows, outdated = ROWS.read([])

    assert rows.dtype == THIRD
    assert len(rows) == len(outdated) == 0


def test_a_row_of_a_newer_version_is_refused_beside_others_by_kind_version_and_advice() -> None:
    with pytest.raises(UnreadableRowError) as refusal:
        ROWS.read([value(FIRST, 1, (0, 0), (0,)), value(THIRD, 4, (0, 0), 0)])

    message = str(refusal.value)
    assert message.startswith("test row of layout 4, and this program knows 1 to 3; ")
    assert "newer program" in message


def test_a_version_that_is_no_longer_read_is_refused_with_a_way_on() -> None:
    kept = RowLayouts(Layouts("test row", 3, {2: to_third}), {2: SECOND, 3: THIRD})

    with pytest.raises(
        UnreadableRowError, match=r"layout 1, .* knows 2 to 3; it is no longer read"
    ):
        kept.read([value(FIRST, 1, (0, 0), (0,))])


@pytest.mark.parametrize("wrong", [b"", b"\0", bytes(FIRST.itemsize)])
def test_an_empty_or_zero_value_is_of_no_version(wrong: bytes) -> None:
    with pytest.raises(UnreadableRowError, match="layout 0"):
        ROWS.read([wrong])


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("more", [-1, 1])
def test_a_row_of_another_size_than_its_versions_is_refused(version: int, more: int) -> None:
    size = ROWS.dtypes[version].itemsize
    wrong = bytes([version]) + bytes(size - 1 + more)

    with pytest.raises(
        UnreadableRowError, match=f"layout {version} and {size + more} bytes, .* has {size}"
    ):
        ROWS.read([wrong])


def test_a_list_of_a_former_version_becomes_one_of_the_newest() -> None:
    lists = ListLayouts(Layouts("test list", 2, {1: lambda packed: packed + b"!"}))

    assert lists.read(b"\x01abc") == (b"abc!", True)
    assert lists.read(lists.write(b"abc")) == (b"abc", False)
    with pytest.raises(UnreadableRowError, match=r"test list of layout 3, .* knows 1 to 2"):
        lists.read(b"\x03abc")


def test_a_field_that_is_new_or_of_another_type_or_dropped_has_to_be_named() -> None:
    rows = np.zeros(2, FIRST)

    with pytest.raises(ValueError, match=r"told\.band is new"):
        carried(rows, SECOND, new={"paid": 0})
    with pytest.raises(ValueError, match="paid is of another type"):
        carried(rows, SECOND, new={"told.band": 0})
    with pytest.raises(ValueError, match=r"not carried: \['paid'\]"):
        carried(np.zeros(2, SECOND), THIRD, new={"sum": 0})
    with pytest.raises(ValueError, match=r"not there: \['misspelt'\]"):
        carried(rows, FIRST, new={"misspelt": 0})
