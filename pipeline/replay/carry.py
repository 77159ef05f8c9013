"""What was published of people, carried over to their rows built anew.

Sequences go on, and what was told is not told again. What counts is what was told in `scores`:
where a live row says otherwise, it is told anew under the next number.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from pipeline.factors.layout import PUBLICATION
from pipeline.replay.live import Told
from pipeline.streaming.store import PartitionStore

_AT_ONCE = 10_000


def carry(
    built: PartitionStore,
    live: PartitionStore,
    told: Mapping[str, Told | None],
    users: Iterable[str],
) -> list[str]:
    """Set what was published in the built rows of people, in place.

    Args:
        built: The rows built anew; who has none is passed over.
        live: The live rows.
        told: The last score record of people; None where it is a tombstone.
        users: Whose; each once.

    Returns:
        Those in whose row something is another now.
    """
    differing: list[str] = []
    present = (user for user in users if user in built)
    while chunk := list(islice(present, _AT_ONCE)):
        state = built.gather(chunk)
        published = _published(chunk, live, told)
        changed = np.flatnonzero(state.rows["published"] != published)
        state.rows["published"] = published
        built.scatter(state, changed.tolist())
        differing += [chunk[i] for i in changed.tolist()]
    return differing


def _published(
    users: Sequence[str], live: PartitionStore, told: Mapping[str, Told | None]
) -> NDArray[np.void]:
    published: NDArray[np.void] = live.gather(users).rows["published"].copy()
    rows = zip(*(published[name].tolist() for name in ("sequence", "score", "status")), strict=True)
    for i, (user, row) in enumerate(zip(users, rows, strict=True)):
        last = told[user] if user in told else Told(row[0], 0, 0) if row[0] else None
        wanted = (0, 0, 0) if last is None else (last.sequence, last.score, last.status)
        if row != wanted:
            published[i] = np.zeros((), PUBLICATION)
            published["sequence"][i] = wanted[0]
    return published
