"""Decoded inputs by column, and what is refused."""

import numpy as np
import pytest
import xxhash

from pipeline import topics
from pipeline.codec.hashing import hash_all
from pipeline.codec.inputs import Poison, decode_inputs
from pipeline.codec.reasons import Reason
from pipeline.factors.columns import (
    ConsentColumns,
    ConsumptionColumns,
    ObligationColumns,
    PaymentColumns,
    PeerSignalColumns,
    ProfileColumns,
    RelationshipColumns,
)
from pipeline.factors.layout import NO_AMOUNT, NO_TIME
from pipeline.factors.vocabulary import (
    Attribute,
    AttributeStatus,
    Category,
    ConsentAction,
    ConsumptionKind,
    ObligationStatus,
    PaymentKind,
    RelationshipAction,
    Scope,
)
from tests.unit.codec.samples import OCCURRED_AT, REGISTRY, SAMPLES, framed

TOPICS = {topic.name: topic for topic in topics.INPUTS}
ONE = np.zeros(1, np.int32)
TWO = np.zeros(2, np.int32)


def test_payments_come_as_columns() -> None:
    bare = {"due_at": None, "account_id": None, "balance_minor": None, "limit_minor": None}
    values = [framed("payments", SAMPLES["payments"] | change) for change in ({}, bare)]
    columns = decode_inputs(topics.PAYMENTS, [b"ann", b"ann"], values, REGISTRY).columns_for(TWO)
    assert isinstance(columns, PaymentColumns)
    assert columns.kind.dtype == np.uint8
    assert columns.kind.tolist() == [PaymentKind.REPAYMENT] * 2
    assert columns.due_at_ms.tolist() == [OCCURRED_AT + 1, NO_TIME]
    assert columns.account.tolist() == [xxhash.xxh3_64_intdigest(b"card-1") & 0xFFFFFFFF, 0]
    assert columns.balance_minor.tolist() == [-3, NO_AMOUNT]
    assert columns.limit_minor.tolist() == [100_000, NO_AMOUNT]


def test_the_other_inputs_come_as_columns() -> None:
    read = {
        name: decode_inputs(TOPICS[name], [b"ann"], [framed(name, fields)], REGISTRY).columns_for(
            ONE
        )
        for name, fields in SAMPLES.items()
    }
    consents, consumption, obligations = (
        read["consents"],
        read["consumption"],
        read["obligations"],
    )
    assert isinstance(consents, ConsentColumns)
    assert (consents.action[0], consents.scope[0]) == (ConsentAction.GRANT, Scope.SCORING)
    assert consents.expires_at_ms[0] == NO_TIME
    assert isinstance(consumption, ConsumptionColumns)
    assert consumption.kind[0] == ConsumptionKind.SEARCH
    assert consumption.category[0] == Category.TRAVEL
    assert isinstance(obligations, ObligationColumns)
    assert obligations.contract[0] == xxhash.xxh3_64_intdigest(b"car-rental\0c-1")
    assert obligations.status[0] == ObligationStatus.BREACHED
    assert obligations.amount_minor[0] == 300_00
    profiles, relationships, signals = (
        read["profiles"],
        read["relationships"],
        read["peer-signals"],
    )
    assert isinstance(profiles, ProfileColumns)
    assert profiles.attribute[0] == Attribute.PHONE
    assert profiles.status[0] == AttributeStatus.VERIFIED
    assert profiles.since_ms[0] == 0
    assert isinstance(relationships, RelationshipColumns)
    assert relationships.other.tolist() == ["bob"]
    assert relationships.action[0] == RelationshipAction.CONFIRM
    assert isinstance(signals, PeerSignalColumns)
    assert signals.other.tolist() == ["bob"]
    assert (signals.active[0], signals.wants_reply[0]) == (True, False)
    assert signals.base_score[0] == 640


def test_a_record_under_another_key_or_none_is_refused() -> None:
    value = framed("payments", SAMPLES["payments"])
    decoded = decode_inputs(topics.PAYMENTS, [b"ann", b"bob", None], [value] * 3, REGISTRY)
    assert decoded.kept.tolist() == [0]
    assert decoded.poison == [
        Poison(1, Reason.KEY_MISMATCH, "key b'bob' is not the user id b'ann'"),
        Poison(2, Reason.KEY_MISMATCH, "no key"),
    ]


def test_every_kind_of_poison_is_named_among_good_neighbours() -> None:
    good = framed("payments", SAMPLES["payments"])
    values = [
        good,
        None,
        good[:3],
        b"\1" + good[1:],
        b"\0\0\0\x03\xe7" + good[5:],
        framed("consumption", SAMPLES["consumption"]),
        good[:-1],
        good + b"\0\0",
        good[:5] + b"\x01",
        good,
    ]
    decoded = decode_inputs(topics.PAYMENTS, [b"ann"] * len(values), values, REGISTRY)
    assert decoded.kept.tolist() == [0, 9]
    assert decoded.users == ["ann", "ann"]
    size = len(good)
    assert decoded.poison == [
        Poison(1, Reason.WIRE_FORMAT, "no value"),
        Poison(2, Reason.WIRE_FORMAT, "3 bytes, the header alone has 5"),
        Poison(3, Reason.WIRE_FORMAT, "first byte is 1, not 0"),
        Poison(4, Reason.UNKNOWN_SCHEMA, "no schema has id 999"),
        Poison(5, Reason.DECODE, "schema 3 is Consumption, the topic carries Payment"),
        Poison(6, Reason.DECODE, "limit_minor breaks off or is no long"),
        Poison(
            7,
            Reason.DECODE,
            f"{size + 2} bytes where the record takes {size}: "
            "bytes after the record, or an integer longer than it need be",
        ),
        Poison(8, Reason.DECODE, "event_id breaks off or is no string"),
    ]


def test_an_enum_code_beyond_the_symbols_is_refused() -> None:
    good = framed("profiles", SAMPLES["profiles"])
    at = len(good) - 4  # attribute, status, branch and value of since
    assert good[at : at + 2] == bytes([2 * Attribute.PHONE, 2 * AttributeStatus.VERIFIED])
    for code, error in ((b"\x0c", "attribute is 6, not within 0 to 5"), (b"\x01", "-1, not")):
        spoilt = good[:at] + code + good[at + 1 :]
        decoded = decode_inputs(topics.PROFILES, [b"ann"] * 2, [good, spoilt], REGISTRY)
        assert decoded.kept.tolist() == [0]
        assert [p.reason for p in decoded.poison] == [Reason.DECODE]
        assert error in decoded.poison[0].error


def test_an_event_id_of_one_partner_is_none_of_anothers() -> None:
    partners = ("car-rental", "microloan", "car-rental")
    values = [framed("obligations", SAMPLES["obligations"] | {"partner_id": p}) for p in partners]
    decoded = decode_inputs(topics.OBLIGATIONS, [b"ann"] * 3, values, REGISTRY)
    one, other, repeat = decoded.columns_for(np.zeros(3, np.int32)).id_hash.tolist()
    assert one == repeat == xxhash.xxh3_64_intdigest(b"car-rental\0e-1") & (2**40 - 1)
    assert other == xxhash.xxh3_64_intdigest(b"microloan\0e-1") & (2**40 - 1)


def test_an_empty_batch_gives_empty_columns() -> None:
    for topic in topics.INPUTS:
        decoded = decode_inputs(topic, [], [], REGISTRY)
        assert len(decoded.columns_for(np.zeros(0, np.int32))) == 0
        assert (decoded.users, decoded.poison) == ([], [])


def test_an_event_id_that_hashes_to_nothing_still_counts() -> None:
    assert hash_all([b"a"], bits=0).tolist() == [1]


def test_topics_without_input_records_are_refused() -> None:
    with pytest.raises(ValueError, match="scores carries no input record"):
        decode_inputs(topics.SCORES, [], [], REGISTRY)


def test_as_many_keys_as_values_are_asked_for() -> None:
    with pytest.raises(ValueError, match="1 keys for 0 values"):
        decode_inputs(topics.PAYMENTS, [b"ann"], [], REGISTRY)
