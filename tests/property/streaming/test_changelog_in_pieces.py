"""A changelog restores the same people however a reader's fetches cut it into pieces."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.factors import contracts, links
from pipeline.factors.layout import FACTOR_ROW_LAYOUT, LEDGER_ROW_LAYOUT
from pipeline.factors.state import BatchState
from pipeline.streaming import changelog
from pipeline.streaming.records import Entry
from pipeline.streaming.store import PartitionStore

USERS = ["ann", "bob"]
LISTS = (b"", contracts.pack({7: contracts.Contract(7, opened_at_s=8)}))
LINKS = (b"", links.pack({"cleo": links.Link(own_at_ms=9)}))
CHANGES = st.tuples(
    st.sampled_from([0, 1]),
    st.sampled_from(["change", "change", "erase", "erase and enrol"]),
    st.integers(0, 2),  # what the row says
    st.integers(0, 2),  # what the ledger says
    st.sampled_from(LISTS),
    st.sampled_from(LINKS),
)
Change = tuple[int, str, int, int, bytes, bytes]


def forget(state: BatchState, i: int) -> None:
    state.rows[i] = np.zeros((), state.rows.dtype)
    state.ledgers[i] = np.zeros((), state.ledgers.dtype)
    state.contracts[i] = state.links[i] = b""


def written(history: list[Change]) -> tuple[list[Entry], BatchState]:
    """What lanes write, one person in each transaction, and what they hold in the end."""
    log: list[Entry] = []
    state = BatchState.empty(USERS)
    for i, what, row, ledger, packed_contracts, packed_links in history:
        if what != "change":
            log += changelog.tombstones(USERS[i])
            forget(state, i)
        if what != "erase":
            before = state.copy()
            state.rows["layout"][i] = FACTOR_ROW_LAYOUT
            state.rows["first_credit_month"][i] = row
            state.ledgers["layout"][i] = LEDGER_ROW_LAYOUT
            state.ledgers["profiles_newest_s"][i] = ledger
            state.contracts[i], state.links[i] = packed_contracts, packed_links
            log += changelog.entries(before, state, [i])
    return log, state


def compacted(log: list[Entry], end: int) -> list[Entry]:
    """The newest of each key up to an offset, tombstones too, and all that follows."""
    newest = {key: at for at, (key, _) in enumerate(log[:end])}
    return [entry for at, entry in enumerate(log) if at >= end or newest[entry[0]] == at]


@settings(max_examples=400)
@given(
    st.lists(CHANGES, min_size=1, max_size=8),
    st.integers(0, 40),
    st.sets(st.integers(1, 60), max_size=6),
)
def test_any_cut_into_pieces_restores_the_people_that_lanes_hold(
    history: list[Change], cleaned: int, cuts: set[int]
) -> None:
    log, state = written(history)
    log = compacted(log, cleaned)
    store = PartitionStore()
    for start, end in pairwise([0, *sorted(cut for cut in cuts if cut < len(log)), len(log)]):
        changelog.apply(store, log[start:end])

    present = [user for user, row in zip(USERS, state.rows, strict=True) if row["layout"]]
    assert {user for chunk in store.chunks(10) for user in chunk} == set(present)
    restored = store.gather(USERS)
    assert restored.rows.tobytes() == state.rows.tobytes()
    assert restored.ledgers.tobytes() == state.ledgers.tobytes()
    assert (restored.contracts, restored.links) == (state.contracts, state.links)
