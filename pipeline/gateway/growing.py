"""Arrays that grow."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_Item = TypeVar("_Item", bound=np.generic)


def grown(array: NDArray[_Item], fill: int | None = None) -> NDArray[_Item]:
    """A copy of twice the length; what is new is ``fill``, or zeros."""
    longer = np.zeros(2 * len(array), array.dtype)
    longer[: len(array)] = array
    if fill is not None:
        longer[len(array) :] = fill
    return longer
