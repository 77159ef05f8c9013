"""Consents by column, and those that count for nothing."""

import numpy as np
import pytest

from pipeline.codec.consent_reads import NO_DISCLOSURE, decode_consents
from pipeline.factors.layout import NO_TIME
from pipeline.factors.vocabulary import Scope
from tests.unit.codec.samples import (
    CONSENT,
    OCCURRED_AT,
    PARTNER_CONSENT,
    PAYMENT,
    REGISTRY,
    framed,
)

DAY_MS = 86_400_000


def test_grants_and_withdrawals_come_as_columns() -> None:
    records = [
        PARTNER_CONSENT | {"expires_at": OCCURRED_AT + 5},
        CONSENT,
        PARTNER_CONSENT | {"action": "WITHDRAW", "purpose": None, "disclosure": None},
    ]
    values = [framed("consents", record) for record in records]
    read = decode_consents([b"ann"] * 3, values, [OCCURRED_AT] * 3, REGISTRY)
    assert read.kept.tolist() == [0, 1, 2]
    assert read.users == ["ann"] * 3
    assert read.occurred_at_ms.tolist() == [OCCURRED_AT] * 3
    assert read.grant.tolist() == [True, True, False]
    assert read.scope.tolist() == [Scope.PARTNER, Scope.SCORING, Scope.PARTNER]
    assert [read.partners[at] for at in range(3)] == ["car-rental", None, "car-rental"]
    assert [read.purposes[at] for at in range(3)] == ["CAR_RENTAL_DEPOSIT", None, None]
    assert read.disclosure.tolist() == [1, NO_DISCLOSURE, NO_DISCLOSURE]
    assert read.expires_at_ms.tolist() == [OCCURRED_AT + 5, NO_TIME, NO_TIME]
    assert read.refused == 0


def test_names_are_told_once_a_batch() -> None:
    partners = ["car-rental", "microloan", "car-rental"]
    values = [framed("consents", PARTNER_CONSENT | {"partner_id": name}) for name in partners]
    read = decode_consents([b"ann"] * 3, values, [OCCURRED_AT] * 3, REGISTRY)
    assert read.partners.names == ["car-rental", "microloan"]
    assert read.partners.codes.tolist() == [0, 1, 0]
    assert len(read.partners) == len(read) == 3


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"ann", None),
        (b"ann", b"\0"),
        (b"ann", b"\0\0\0\x03\xe7rest"),
        (b"ann", framed("payments", PAYMENT)),
        (b"ann", framed("consents", CONSENT) + b"\0"),
        (b"ann", framed("consents", CONSENT | {"event_id": ""})),
        (b"ann", framed("consents", CONSENT | {"partner_id": "car-rental"})),
        (b"ann", framed("consents", CONSENT | {"occurred_at": OCCURRED_AT + DAY_MS + 1})),
        (b"bob", framed("consents", CONSENT)),
        (None, framed("consents", CONSENT)),
    ],
)
def test_what_the_pipeline_refuses_grants_nothing(key: bytes | None, value: bytes | None) -> None:
    good = framed("consents", CONSENT)
    keys, values = [b"ann", key, b"ann"], [good, value, good]
    read = decode_consents(keys, values, [OCCURRED_AT] * 3, REGISTRY)
    assert read.kept.tolist() == [0, 2]
    assert len(read) == len(read.partners) == len(read.disclosure) == 2
    assert read.refused == 1


def test_a_consent_one_day_ahead_of_its_record_counts() -> None:
    value = framed("consents", CONSENT | {"occurred_at": OCCURRED_AT + DAY_MS})
    read = decode_consents([b"ann"], [value], np.array([OCCURRED_AT]), REGISTRY)
    assert len(read) == 1


def test_each_consent_is_held_against_the_time_of_its_own_record() -> None:
    value, ahead_ms = framed("consents", CONSENT), OCCURRED_AT - DAY_MS - 1
    times = [ahead_ms, OCCURRED_AT, ahead_ms, OCCURRED_AT]
    read = decode_consents([b"ann"] * 4, [None, value, value, value], times, REGISTRY)
    assert read.kept.tolist() == [1, 3]
    assert read.refused == 2


def test_no_consents_give_empty_columns() -> None:
    read = decode_consents([], [], [], REGISTRY)
    assert (read.users, len(read.purposes), read.refused) == ([], 0, 0)


def test_as_many_keys_and_timestamps_as_values_are_asked_for() -> None:
    with pytest.raises(ValueError, match="1 keys for 0 values"):
        decode_consents([b"ann"], [], [], REGISTRY)
    with pytest.raises(ValueError, match="1 timestamps for 0 values"):
        decode_consents([], [], [OCCURRED_AT], REGISTRY)
