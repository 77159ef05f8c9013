"""Refused by a worker, put right, redriven, counted."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline import topics
from pipeline.codec import catalog
from pipeline.codec.http_registry import UNKNOWN_FOR_S
from tests.integration.deadletters.conftest import Run, RunJson
from tests.integration.deadletters.letters import payment
from tests.integration.deadletters.registry import Registry, serving
from tests.integration.support.records import DAY_MS, NOW_MS, grants, record
from tests.integration.support.stream import Input, Stream

NEW_ID = 900


@pytest.fixture
def registry() -> Iterator[Registry]:
    with serving() as registry:
        yield registry


def next_version() -> str:
    """Payment with one field more, as a producer that is ahead of the pipeline may write it."""
    avro = json.loads(json.dumps(catalog.current("Payment").avro))
    avro["fields"].append({"name": "terminal", "type": ["null", "string"], "default": None})
    return json.dumps(avro)


def on_time(user: str, at_ms: int) -> bytes:
    return payment(user, at_ms=at_ms, kind="BILL", due_at=at_ms + DAY_MS)


def newer(value: bytes) -> bytes:
    """A value in the next version of its schema: the field beyond is null."""
    return value[:1] + NEW_ID.to_bytes(4, "big") + value[5:] + b"\0"


def paid_on_time(stream: Stream, user: str) -> int:
    return int(stream.row(user)["paid_on_time"].sum())


def apply_more(stream: Stream, user: str) -> None:
    """Bring one more record through; what lay before it is applied then."""
    stream.send([record(topics.PAYMENTS, user, NOW_MS, kind="TRANSFER")])
    stream.until_applied()


@pytest.mark.slow
def test_a_record_whose_schema_is_registered_later_is_redriven_and_counts_once(
    stream: Stream, registry: Registry, run: Run, told: RunJson
) -> None:
    asks = {"SESAME_REGISTRY_URL": registry.url}
    stream.worker(**asks).until_ready()
    stream.send(grants("ann"))
    stream.send([Input(topics.PAYMENTS, b"ann", newer(on_time("ann", NOW_MS - DAY_MS)))])
    stream.until(lambda: len(stream.read(topics.DEAD_LETTERS)) == 1)
    (first,) = told("list", **asks)["letters"]
    assert (first["reason"], first["value"]) == ("UNKNOWN_SCHEMA", None)
    early = run("redrive", "--all", "--json", **asks)
    assert early.exit_code == 1
    assert json.loads(early.stdout)["rulings"] == {"NOT_YET": 1}

    registry.schemas[NEW_ID] = next_version()
    # The worker still takes the schema for unknown, so that the record comes back.
    told("redrive", "--all", "--force", **asks)
    stream.until(lambda: len(stream.read(topics.DEAD_LETTERS)) == 2)
    second = came_back(told, first["letter"], asks)
    assert paid_on_time(stream, "ann") == 0
    time.sleep(UNKNOWN_FOR_S)
    answer = told("redrive", "--reason", "UNKNOWN_SCHEMA", **asks)

    assert answer["rulings"] == {"REDRIVEN": 1, "REDRIVE": 1}
    stream.until(lambda: paid_on_time(stream, "ann") == 1)
    told("redrive", "--all", "--force", **asks)
    apply_more(stream, "ann")
    assert paid_on_time(stream, "ann") == 1
    assert len(stream.read(topics.DEAD_LETTERS)) == 2
    assert told("list", "--redriven", **asks)["total"] == 2
    assert second["value"]["kind"] == "BILL"


def came_back(told: RunJson, first: str, asks: dict[str, str]) -> dict[str, Any]:
    """The letter of a record that was redriven in vain; it and the one before name each other."""
    newest, oldest = told("list", **asks)["letters"]
    assert oldest["letter"] == first
    assert newest["came_back"]["letter"] == first
    assert (newest["came_back"]["count"], newest["came_back"]["chain"]) == (1, [first])
    sent = oldest["redriven"]
    assert (sent["topic"], sent["partition"], sent["offset"]) == (
        newest["topic"],
        newest["partition"],
        newest["offset"],
    )
    assert isinstance(newest, dict)
    return newest


def test_a_record_that_was_bad_is_corrected_redriven_and_counts_once(
    stream: Stream, told: RunJson, tmp_path: Any
) -> None:
    stream.worker().until_ready()
    stream.send(grants("bob"))
    bad = payment("bob", kind="BILL", due_at=NOW_MS + DAY_MS, currency="euro")
    stream.send([Input(topics.PAYMENTS, b"bob", bad)])
    stream.until(lambda: len(stream.read(topics.DEAD_LETTERS)) == 1)
    (letter,) = told("list")["letters"]
    fixed = tmp_path / "fixed.json"
    fixed.write_text(json.dumps(letter["value"] | {"currency": "EUR"}))

    for _ in range(2):
        told("redrive", "--letter", letter["letter"], "--fixed", str(fixed))

    stream.until(lambda: paid_on_time(stream, "bob") == 1)
    apply_more(stream, "bob")
    assert paid_on_time(stream, "bob") == 1
    assert len(stream.read(topics.DEAD_LETTERS)) == 1


def test_a_redriven_consent_is_folded_like_any_other(
    stream: Stream, told: RunJson, tmp_path: Any
) -> None:
    stream.worker().until_ready()
    (grant,) = grants("cleo", "SCORING")
    stream.send([grant._replace(key=b"cloe")])
    stream.until(lambda: len(stream.read(topics.DEAD_LETTERS)) == 1)
    (letter,) = told("list")["letters"]
    assert letter["reason"] == "KEY_MISMATCH"
    fixed = tmp_path / "fixed.json"
    fixed.write_text(json.dumps(letter["value"]))

    told("redrive", "--letter", letter["letter"], "--fixed", str(fixed))

    stream.until(lambda: "cleo" in stream.scores())
