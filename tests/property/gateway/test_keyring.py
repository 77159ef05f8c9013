import base64

from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import murmur2

from pipeline.gateway.keyring import KeyRing
from pipeline.gateway.vocabulary import PURPOSES

USERS = st.text(st.characters(codec="utf-8"), max_size=128)
PARTNERS = st.from_regex(r"[a-z][a-z0-9-]{0,47}", fullmatch=True)
NAMES = st.tuples(USERS, PARTNERS, st.sampled_from(PURPOSES))
RING = KeyRing.of(["k" * 32, "l" * 32])


@given(NAMES)
def test_every_subject_leads_to_its_person(names: tuple[str, str, str]) -> None:
    assert RING.route(RING.subject(*names)) == murmur2(names[0].encode()) & 0xFFFF_FFFF


@given(NAMES, st.integers(0, 199))
def test_one_flipped_bit_and_it_leads_nowhere(names: tuple[str, str, str], bit: int) -> None:
    raw = int.from_bytes(base64.b32decode(RING.subject(*names).upper()), "big") ^ 1 << bit

    forged = base64.b32encode(raw.to_bytes(25, "big")).decode().lower()

    assert RING.route(forged) is None


@given(st.lists(NAMES, unique=True, max_size=20))
def test_nothing_in_two_subjects_is_alike(names: list[tuple[str, str, str]]) -> None:
    # Of 20 subjects, two alike in any 40 bits would be a chance of one in a billion.
    subjects = [RING.subject(*each) for each in names]

    parts = {(s[i : i + 8], s) for s in subjects for i in range(0, 40, 8)}

    assert len({part for part, _ in parts}) == 5 * len(subjects)


@given(st.text() | st.from_regex(r"[a-z2-7]{40}", fullmatch=True))
def test_what_was_made_up_leads_nowhere(subject: str) -> None:
    assert RING.route(subject) is None
