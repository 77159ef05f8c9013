"""The gateway's changelog restores the same grants however fetches cut it into pieces."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.gateway import changelog
from pipeline.gateway.keyring import SUBJECT_CHARACTERS
from pipeline.gateway.rows import GRANT_ROW, GRANT_ROW_LAYOUT
from pipeline.gateway.state import GatewayState
from pipeline.streaming.records import Entry

KEYS = [b"bikes\0BIKE_DEPOSIT\0ann", b"loans\0MICROLOAN\0ann"]
ALIAS = b"s" * SUBJECT_CHARACTERS
CHANGES = st.tuples(
    st.sampled_from(KEYS),
    st.sampled_from(["change", "change", "end", "end and grant"]),
    st.integers(1, 3),  # when the grant was given
    st.lists(st.integers(1, 9), max_size=2),  # open contracts
    st.booleans(),  # whether there is a former subject
)
Change = tuple[bytes, str, int, list[int], bool]
Grant = tuple[int, list[int], list[bytes]]


def written(history: list[Change]) -> tuple[list[Entry], dict[bytes, Grant]]:
    """What lanes write, one grant in each transaction, and what they hold in the end."""
    log: list[Entry] = []
    held: dict[bytes, Grant] = {}
    for key, what, at_ms, hashes, has_alias in history:
        if what != "change":
            log += [(kind + key, None) for kind in (b"g", b"c", b"a")]
            held.pop(key, None)
        if what == "end":
            continue
        _, *lists = held.get(key, (0, [], []))
        row = np.zeros((), GRANT_ROW)
        row["layout"], row["at_ms"] = GRANT_ROW_LAYOUT, at_ms
        log.append((b"g" + key, row.tobytes()))
        aliases = [ALIAS] if has_alias else []
        if hashes != lists[0]:
            packed = b"\x01" + np.array(hashes, "<u8").tobytes()
            log.append((b"c" + key, packed if hashes else None))
        if aliases != lists[1]:
            log.append((b"a" + key, b"\x01" + ALIAS if has_alias else None))
        held[key] = at_ms, hashes, aliases
    return log, held


@settings(max_examples=400)
@given(
    st.lists(CHANGES, min_size=1, max_size=8),
    st.sets(st.integers(1, 40), max_size=6),
)
def test_any_cut_into_pieces_restores_the_grants_that_lanes_hold(
    history: list[Change], cuts: set[int]
) -> None:
    log, held = written(history)
    state = GatewayState()
    for start, end in pairwise([0, *sorted(cut for cut in cuts if cut < len(log)), len(log)]):
        changelog.apply(state, log[start:end])

    grants = state.grants
    restored = {
        grants.keys[slot]: (
            int(grants.rows["at_ms"][slot]),
            grants.contracts.get(slot, []),
            grants.aliases.get(slot, []),
        )
        for slot in grants.taken(0, grants.slots_end).tolist()
    }
    assert restored == held
