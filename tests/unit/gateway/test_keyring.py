import base64

import pytest
from kafka.partitioner.default import murmur2

from pipeline.gateway.keyring import KeyRing

SECRET = "a key of the gateway, long enough for all"  # noqa: S105 - of the tests
RING = KeyRing.of([SECRET])
CAR = ("car-rental", "CAR_RENTAL_DEPOSIT")


def damaged(subject: str, at: int) -> str:
    return subject[:at] + ("a" if subject[at] != "a" else "b") + subject[at + 1 :]


def test_a_subject_is_forty_letters_and_digits() -> None:
    subject = RING.subject("ann", *CAR)

    assert len(subject) == 40
    assert len(base64.b32decode(subject.upper())) == 25


def test_the_same_person_has_the_same_subject_each_time() -> None:
    again = KeyRing.of([SECRET])

    assert RING.subject("ann", *CAR) == again.subject("ann", *CAR)


def test_subjects_of_many_are_those_of_each() -> None:
    users = ["ann", "ben", "Zoë", "", "a" * 128]

    subjects = RING.current.subjects(users, *CAR).tolist()

    assert [s.decode() for s in subjects] == [RING.subject(user, *CAR) for user in users]


@pytest.mark.parametrize("user", ["ann", "Zoë", "", "a" * 128])
def test_a_subject_leads_to_the_partition_of_its_person(user: str) -> None:
    assert RING.route(RING.subject(user, *CAR)) == murmur2(user.encode()) & 0xFFFF_FFFF


def test_people_partners_and_purposes_all_make_another_subject() -> None:
    named = [("ann", *CAR), ("ben", *CAR), ("ann", "bikes", CAR[1]), ("ann", CAR[0], "MICROLOAN")]

    subjects = [RING.subject(*names) for names in named]

    assert len({s[i : i + 8] for s in subjects for i in range(0, 40, 8)}) == 20


def test_names_that_read_alike_together_are_told_apart() -> None:
    assert RING.subject("c", "a", "b") != RING.subject("bc", "a", "")


@pytest.mark.parametrize("at", range(40))
def test_a_damaged_subject_leads_nowhere(at: int) -> None:
    assert RING.route(damaged(RING.subject("ann", *CAR), at)) is None


@pytest.mark.parametrize("forged", ["", "a" * 40, "A" * 40, "1" * 40, "é" * 40, "a" * 41, "ann"])
def test_a_forged_subject_leads_nowhere(forged: str) -> None:
    assert RING.route(forged) is None


def test_a_subject_made_with_another_key_leads_nowhere() -> None:
    other = KeyRing.of(["another key, that the gateway never had"])

    assert RING.route(other.subject("ann", *CAR)) is None


def test_a_former_key_still_leads_to_people_but_makes_no_subjects() -> None:
    rotated = KeyRing.of(["a new key of the gateway, long enough", SECRET])

    assert rotated.route(RING.subject("ann", *CAR)) == murmur2(b"ann") & 0xFFFF_FFFF
    assert rotated.subject("ann", *CAR) != RING.subject("ann", *CAR)
    assert rotated.current.fingerprint != RING.current.fingerprint
    assert rotated.former[0].fingerprint == RING.current.fingerprint
