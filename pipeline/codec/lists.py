"""Numpy views on a column of lists: all items of a batch as columns of their own."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from pipeline.codec.columns import Columns
from pipeline.codec.layout import ITEM_COLUMN
from pipeline.factors.columns import Int64


class Items:
    """The items of a column of lists, one after the other.

    ``columns`` has the fields of the items, or `ITEM_COLUMN` where they are plain values;
    those of list i are ``starts[i]`` to before ``ends[i]``.
    """

    def __init__(self, lists: pa.Array) -> None:
        """Look at a list column without nulls."""
        bounds = lists.offsets.to_numpy().astype(np.int64)
        bounds -= bounds[0]
        self.starts: Int64 = bounds[:-1]
        self.ends: Int64 = bounds[1:]
        values = lists.flatten()
        if pa.types.is_struct(values.type):
            batch = pa.RecordBatch.from_struct_array(values)
        else:
            batch = pa.RecordBatch.from_arrays([values], names=[ITEM_COLUMN])
        self.columns = Columns(batch)

    @property
    def counts(self) -> Int64:
        """How many items each list has."""
        return self.ends - self.starts

    def sums(self, amounts: Int64) -> Int64:
        """Per list the sum of its items' amounts."""
        running = np.concatenate(([0], np.cumsum(amounts)))
        return running[self.ends] - running[self.starts]

    def owners(self, items: Sequence[int]) -> list[int]:
        """The list that each of these items is in."""
        owners: list[int] = np.searchsorted(self.ends, items, side="right").tolist()
        return owners

    @property
    def texts(self) -> pa.Array:
        """The items of lists of texts."""
        return self.columns.batch.column(ITEM_COLUMN)
