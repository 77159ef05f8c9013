"""Texts of which a batch holds few: each once, and a code per record.

Codes are a batch's own: the same name has another code in the next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.codec.columns import int_values, valid_mask
from pipeline.factors.columns import Int32

NO_NAME = -1
"""Stands for null."""


@dataclass(frozen=True, slots=True)
class Names:
    """A text column: record i has ``names[codes[i]]``, or null where the code is `NO_NAME`."""

    codes: Int32
    names: Sequence[str]

    def __len__(self) -> int:
        """The number of records."""
        return len(self.codes)

    def __getitem__(self, at: int) -> str | None:
        """One record's text; None where it is null."""
        code = int(self.codes[at])
        return None if code == NO_NAME else self.names[code]


def names_of(column: pa.Array) -> Names:
    """A string column as codes and names.

    >>> names_of(pa.array(["b", None, "b", "a"]))
    Names(codes=array([ 0, -1,  0,  1], dtype=int32), names=['b', 'a'])
    """
    coded = column.dictionary_encode()
    valid, codes = valid_mask(coded.indices), int_values(coded.indices)
    if valid is not None:
        codes = np.where(valid, codes, np.int32(NO_NAME))
    return Names(codes, coded.dictionary.to_pylist())
