"""Rows of a former layout brought into the next: field by field, what is new by name."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


def carried(
    rows: NDArray[np.void],
    dtype: np.dtype[np.void],
    *,
    new: Mapping[str, object],
    dropped: tuple[str, ...] = (),
) -> NDArray[np.void]:
    """Copy what both layouts have, and fill in what is new.

    Nothing is left to chance: a field is in both layouts under one name and of one type, or it
    is named here. Fields within a field are named ``outer.inner``.

    Args:
        rows: Structured array (n,) of the former layout.
        dtype: The next layout.
        new: The value of each field that the former layout does not have, or had otherwise; a
            scalar, or an array whose first axis is n.
        dropped: Fields that the next layout does not have.

    Returns:
        Rows (n,) of ``dtype``.

    Raises:
        ValueError: The names given are not those by which the layouts differ.
    """
    into = np.zeros(rows.shape, dtype)
    unused = {*new, *dropped}
    _carry(rows, into, new, unused, "")
    left = _names(rows.dtype) - _names(dtype) - set(dropped)
    if left or unused - set(dropped):
        raise ValueError(f"not carried: {sorted(left)}, not there: {sorted(unused - set(dropped))}")
    return into


def _carry(
    rows: NDArray[np.void],
    into: NDArray[np.void],
    new: Mapping[str, object],
    unused: set[str],
    prefix: str,
) -> None:
    former, following = _fields(rows.dtype), _fields(into.dtype)
    for name in following:
        path = prefix + name
        if path in new:
            into[name] = new[path]
            unused.discard(path)
        elif name not in former:
            raise ValueError(f"{path} is new, and no value is given for it")
        elif former[name] == following[name]:
            into[name] = rows[name]
        elif former[name].names and following[name].names:
            _carry(rows[name], into[name], new, unused, path + ".")
        else:
            raise ValueError(f"{path} is of another type, and no value is given for it")


def _names(dtype: np.dtype[np.void], prefix: str = "") -> set[str]:
    """The names of all fields, those within fields too."""
    names: set[str] = set()
    for name, inner in _fields(dtype).items():
        names.add(prefix + name)
        names |= _names(inner, f"{prefix}{name}.")
    return names


def _fields(dtype: np.dtype[np.void]) -> dict[str, np.dtype[np.void]]:
    """The type of each field."""
    return {name: dtype.fields[name][0] for name in dtype.names or ()} if dtype.fields else {}
