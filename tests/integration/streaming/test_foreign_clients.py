"""Producers and consumers that know the contract and nothing of this project's code."""

import io
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

import confluent_kafka
import fastavro
import kafka
import pytest

from pipeline import topics
from pipeline.scoring.model import Model
from tests.integration.support.records import DAY_MS, MONTH_MS, NOW_MS, SCOPES, grants, record
from tests.integration.support.replay import assert_as_replayed
from tests.integration.support.stream import Stream

Subjects = dict[str, dict[str, Any]]
_READ_S = 240
WHOLE = {
    "paid_on_time": 24,
    "purchases": 12,
    "essentials": 12,
    "fulfilled": 1,
    "account_used_permille": 200,
    "attribute_verified": 1 << 1,
    "linked_peers": 1,
}
"""What is kept of `a_year`, all of it applied."""


@pytest.fixture(scope="module")
def subjects() -> Subjects:
    """What the command line tells a foreign program: schema ids and schemas."""
    command = [sys.executable, "-m", "pipeline.cli.main", "schemas", "list", "--json"]
    told = subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own
    listed: Subjects = json.loads(told.stdout)
    return listed


def long(value: int) -> bytes:
    """Avro's int, long and enum: zigzag, seven bits a byte, the lowest first."""
    rest = (value << 1) ^ (value >> 63)
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([*out, rest])


def string(value: str) -> bytes:
    return long(len(value.encode())) + value.encode()


def optional(value: bytes | None) -> bytes:
    """A union of null and something."""
    return long(0) if value is None else long(1) + value


class Producer:
    """kafka-python, and bytes put together by hand."""

    def __init__(self, stream: Stream, subjects: Subjects) -> None:
        self._prefix = stream.prefix
        self._ids = {name: entry["id"] for name, entry in subjects.items()}
        self._producer = kafka.KafkaProducer(bootstrap_servers=stream.bootstrap, acks="all")

    def send(self, topic: str, user: str, at_ms: int, *fields: bytes) -> None:
        head = string(uuid.uuid4().hex) + string(user) + long(at_ms)
        framing = bytes([0]) + self._ids[f"{topic}-value"].to_bytes(4, "big")
        value = framing + head + b"".join(fields)
        self._producer.send(self._prefix + topic, key=user.encode(), value=value)

    def flush(self) -> None:
        self._producer.flush()

    def close(self) -> None:
        self._producer.close()


def consents(producer: Producer, user: str) -> None:
    for scope in range(len(SCOPES)):
        producer.send(
            "consents",
            user,
            NOW_MS - 400 * DAY_MS,
            long(0),  # GRANT
            long(scope),
            *[optional(None)] * 4,  # partner, purpose, disclosure, end
            string("2026-01"),
        )
    producer.flush()


def a_year(producer: Producer, user: str, friend: str) -> None:
    for age in range(12, 0, -1):
        at = NOW_MS - age * MONTH_MS
        bill = (long(2), long(4_200), string("EUR"), optional(long(at + DAY_MS)))
        repayment = (long(3), long(9_000), string("EUR"), optional(long(at + DAY_MS)))
        card = (optional(string("card-1")), optional(long(20_000)), optional(long(100_000)))
        producer.send("payments", user, at, *bill, *[optional(None)] * 3)
        producer.send("payments", user, at, *repayment, *card)
        essentials = (long(0), long(0), optional(long(1_500)), optional(string("EUR")), long(2))
        producer.send("consumption", user, at, *essentials)
    for days, status in ((20, 0), (10, 1)):  # OPENED, FULFILLED
        rental = (string("contract-1"), string("car-rental"), long(0), long(status))
        at = NOW_MS - days * DAY_MS
        producer.send("obligations", user, at, *rental, optional(long(50_000)), *[long(0)] * 2)
    verified_address = (long(1), long(0), optional(None))
    producer.send("profiles", user, NOW_MS - 300 * DAY_MS, *verified_address)
    confirm = (string(friend), long(0), long(0))
    producer.send("relationships", user, NOW_MS, *confirm)
    producer.flush()


def scores_of(stream: Stream, subjects: Subjects, wanted: set[str]) -> dict[str, dict[str, Any]]:
    """What a consumer with the schema alone reads, until everybody has a score."""
    entry = subjects["scores-value"]
    schema = fastavro.parse_schema(entry["schema"])
    consumer = kafka.KafkaConsumer(
        f"{stream.prefix}scores",
        bootstrap_servers=stream.bootstrap,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        group_id=None,
    )
    latest: dict[str, dict[str, Any]] = {}
    deadline = time.monotonic() + _READ_S
    while {user for user, fields in latest.items() if fields["score"]} != wanted:
        assert time.monotonic() < deadline, latest
        for records in consumer.poll(timeout_ms=200).values():
            for found in records:
                if found.value is None or found.key.decode() not in wanted:
                    continue
                assert found.value[:5] == b"\0" + entry["id"].to_bytes(4, "big")
                fields = fastavro.schemaless_reader(io.BytesIO(found.value[5:]), schema, None)
                assert isinstance(fields, dict)
                latest[found.key.decode()] = fields
    consumer.close()
    return latest


def test_who_knows_only_the_contract_is_scored_and_reads_scores(
    running: Stream, subjects: Subjects, person: Callable[[str], str], model: Model
) -> None:
    ann, ben = person("änn"), person("ben")
    producer = Producer(running, subjects)
    for user in (ann, ben):
        consents(producer, user)
    for user, friend in ((ann, ben), (ben, ann)):
        a_year(producer, user, friend)
    producer.close()

    scores = scores_of(running, subjects, {ann, ben})

    for user, fields in scores.items():
        assert fields["user_id"] == user
        assert fields["status"] == "SCORED"
        assert 350 <= fields["score"] <= 950
        assert fields["model"] == "default@1"
        assert [factor["factor"] for factor in fields["factors"]] == list(SCOPES[1:])
        assert all(factor["consented"] for factor in fields["factors"])
        for factor in fields["factors"]:
            assert factor["min_points"] <= factor["points"] <= factor["max_points"]
        points = sum(factor["points"] for factor in fields["factors"])
        assert model.base + points == fields["score"]
        assert len(fields["reasons"]) <= 4
        assert fields["missing"] == []
    # Both have a score before everything is applied.
    running.until(lambda: kept(running, ann) == kept(running, ben) == WHOLE)


def kept(stream: Stream, user: str) -> dict[str, int]:
    """What a person's row tells of `a_year`."""
    row = stream.row(user)
    sums = ("paid_on_time", "purchases", "essentials", "fulfilled")
    return {name: int(row[name].sum()) for name in sums} | {
        "account_used_permille": int(row["account_used_permille"][0]),
        "attribute_verified": int(row["attribute_verified"]),
        "linked_peers": int(row["linked_peers"]),
    }


def test_what_a_producer_aborts_is_never_applied(
    running: Stream, person: Callable[[str], str], model: Model
) -> None:
    user = person("ann")
    running.send(grants(user))
    running.until_applied()
    producer = confluent_kafka.Producer(
        {"bootstrap.servers": running.bootstrap, "transactional.id": user, "log_level": 0}
    )
    producer.init_transactions()
    for days, finish in ((1, producer.abort_transaction), (2, producer.commit_transaction)):
        payment = record(topics.PAYMENTS, user, NOW_MS - days * DAY_MS)
        producer.begin_transaction()
        producer.produce(
            f"{running.prefix}payments",
            payment.value,
            payment.key,
            partition=running.partition_of(user),
        )
        producer.flush()
        finish()
    running.until(lambda: bool(running.row(user)["payments_newest_s"]))
    running.send([record(topics.PAYMENTS, user, NOW_MS - 3 * DAY_MS)])
    running.until_applied()

    row = running.row(user)
    assert row["payments_newest_s"] == (NOW_MS - 2 * DAY_MS) // 1000
    assert (row["recent_payments"] > 0).sum() == 2
    assert_as_replayed(running, model)
