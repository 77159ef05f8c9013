"""Lists that are found whole together are those that unpack one by one."""

import struct

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.factors import links

NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=5)
LINKS = st.builds(
    links.Link,
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from(links.Own),
    st.booleans(),
    st.integers(-1, 900),
)
LISTS = st.dictionaries(NAMES, LINKS, max_size=4).map(links.pack)
BROKEN = st.tuples(LISTS, st.integers(0, 80), st.binary(max_size=3)).map(
    lambda parts: parts[0][: parts[1]] + parts[2]
)


def unpacks(packed: bytes) -> bool:
    try:
        links.unpack(packed)
    except (struct.error, ValueError):
        return False
    return True


@given(st.lists(st.one_of(LISTS, BROKEN), max_size=6))
def test_a_list_that_is_surely_whole_unpacks_and_an_ascii_one_that_does_is(
    packed: list[bytes],
) -> None:
    ends = np.cumsum([0, *map(len, packed)])[1:]
    starts = ends - np.array([len(one) for one in packed], np.int64)
    octets = np.frombuffer(b"".join(packed), np.uint8)

    whole = links.surely_whole(octets, starts.astype(np.int64), ends.astype(np.int64))

    for one, surely in zip(packed, whole.tolist(), strict=True):
        if surely:
            assert unpacks(one)
        elif unpacks(one):
            assert not "".join(links.unpack(one)).isascii()
