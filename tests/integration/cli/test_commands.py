import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kafka import KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType
from typer.testing import CliRunner, Result

from pipeline import provision
from pipeline.cli.main import app
from pipeline.cli.records import each_record
from pipeline.codec.encode import decode_record, encode_records
from pipeline.codec.registry import FileRegistry
from pipeline.factors.layout import FACTOR_ROW, FACTOR_ROW_LAYOUT
from pipeline.factors.months import month_of_s
from pipeline.factors.vocabulary import Scope
from pipeline.gateway.keyring import KeyRing
from pipeline.scoring.model import load_model
from pipeline.scoring.scorecard import score
from pipeline.settings import Settings
from pipeline.topics import ALL

Run = Callable[..., Result]


@pytest.fixture
def settings(kafka: str, topic_prefix: str) -> Settings:
    return Settings(bootstrap=kafka, topic_prefix=topic_prefix, partitions=3)


@pytest.fixture
def run(settings: Settings) -> Run:
    env = {
        "SESAME_BOOTSTRAP": settings.bootstrap,
        "SESAME_TOPIC_PREFIX": settings.topic_prefix,
        "SESAME_PARTITIONS": str(settings.partitions),
    }

    def invoke(*arguments: str, **more: str) -> Result:
        return CliRunner().invoke(app, list(arguments), env=env | more)

    return invoke


@pytest.fixture
def producer(kafka: str, settings: Settings) -> Iterator[Any]:
    provision.ensure_topics(settings, ["car-rental", "microloan"])
    producer = KafkaProducer(bootstrap_servers=kafka)
    yield producer
    producer.close()


def score_record(user: str, score: int | None) -> dict[str, Any]:
    return {
        "user_id": user,
        "status": "THIN_FILE" if score is None else "SCORED",
        "score": score,
        "band": None if score is None else "GOOD",
        "base_score": score,
        "probability_of_default": None if score is None else 0.03,
        "factors": [],
        "reasons": [],
        "missing": ["CREDIT_OR_OBLIGATION"] if score is None else [],
        "model": "default@1",
        "as_of": 1_760_000_000_000,
        "computed_at": 1_760_000_000_500,
        "sequence": 1,
    }


def test_a_plan_changes_nothing_and_an_applied_plan_leaves_nothing_to_do(run: Run) -> None:
    for _ in range(2):
        planned = json.loads(run("topics", "plan", "--json").stdout)
        assert {row["action"] for row in planned["differences"]} == {"create"}
        assert len(planned["differences"]) == planned["topics"]
    assert run("topics", "plan", "--check").exit_code == 1
    assert run("topics", "apply").exit_code == 0
    assert json.loads(run("topics", "plan", "--check", "--json").stdout)["differences"] == []


def test_apply_puts_a_changed_retention_right(run: Run, settings: Settings) -> None:
    run("topics", "apply")
    name = settings.topic("payments")
    wrong = ConfigResource(ConfigResourceType.TOPIC, name, {"retention.ms": "1000"})
    with provision.admin(settings) as client:
        client.alter_configs([wrong])
        wait_for_retention(client, name, "1000")
        applied = json.loads(run("topics", "apply", "--json").stdout)
        (row,) = applied["differences"]
        assert (row["topic"], row["action"]) == (name, "configure")
        wait_for_retention(client, name, "604800000")


def test_apply_refuses_another_partition_count(run: Run) -> None:
    run("topics", "apply")
    result = run("topics", "apply", SESAME_PARTITIONS="5")
    assert result.exit_code == 1
    assert "has 3 partitions, not 5" in result.stdout


def test_two_processes_may_create_the_topics_at_once(settings: Settings) -> None:
    should = provision.wanted(settings, [])
    with provision.admin(settings) as client:
        differences = provision.plan(should, provision.found(client, should))
        provision.apply(client, settings, differences)
        provision.apply(client, settings, differences)
        assert provision.plan(should, provision.found(client, should)) == []


def test_a_granted_consent_is_on_its_topic_under_the_persons_key(
    run: Run, settings: Settings
) -> None:
    run("topics", "apply")
    result = run("consent", "grant", "ann", "--scope", "scoring", "--scope", "SOCIAL", "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)["consents"]
    assert [row["scope"] for row in told] == ["SCORING", "SOCIAL"]
    kept = read_all(settings, "consents")
    assert [record.key for record in kept] == [b"ann", b"ann"]
    fields = [decode_record(record.value, FileRegistry()) for record in kept]
    assert [record["event_id"] for record in fields] == [row["event_id"] for row in told]
    assert {record["action"] for record in fields} == {"GRANT"}


def test_a_grant_to_a_partner_names_its_purpose_and_shows_the_least(
    run: Run, settings: Settings
) -> None:
    run("topics", "apply")
    assert run("consent", "grant", "bob", "--partner", "microloan").exit_code == 0
    (record,) = [
        decode_record(record.value, FileRegistry()) for record in read_all(settings, "consents")
    ]
    assert (record["scope"], record["partner_id"]) == ("PARTNER", "microloan")
    assert (record["purpose"], record["disclosure"]) == ("MICROLOAN", "ADMIT")


def test_a_consent_to_a_partner_tells_the_subject_to_hand_over(run: Run) -> None:
    run("topics", "apply")
    key = {"SESAME_PSEUDONYM_KEY": "k" * 32}
    subject = KeyRing.of(["k" * 32]).subject("bob", "microloan", "MICROLOAN")

    told = run("consent", "grant", "bob", "--partner", "microloan", "--json", **key)
    shown = run("consent", "withdraw", "bob", "--partner", "microloan", **key)

    answer = json.loads(told.stdout)
    assert answer["subject"] == subject
    assert [consent["subject"] for consent in answer["consents"]] == [subject]
    assert subject in shown.stdout


def test_a_consent_counts_where_no_key_is_at_hand(
    run: Run, settings: Settings, tmp_path: Path
) -> None:
    run("topics", "apply")
    (tmp_path / "file").touch()
    nowhere = {"SESAME_DATA_DIR": str(tmp_path / "file" / "folder")}

    result = run("consent", "grant", "bob", "--partner", "microloan", "--json", **nowhere)

    assert result.exit_code == 0
    assert json.loads(result.stdout)["subject"] is None
    assert "No subject can be told" in result.stderr
    assert len(read_all(settings, "consents")) == 1


def disclosed(kind: str, user: str) -> dict[str, Any]:
    return {
        "event_id": f"{kind} {user}",
        "user_id": user,
        "occurred_at": 1_760_000_000_000,
        "partner_id": "microloan",
        "purpose": "MICROLOAN",
        "subject": "a" * 40,
        "kind": kind,
        "cause": "SCORE",
        "reasons": [],
    }


def test_disclosures_are_listed_and_summed_up(run: Run, settings: Settings, producer: Any) -> None:
    seen = {"admitted": "NO", "band": "FAIR", "score": 590, "threshold": 600}
    shown = disclosed("SHOWN", "ann") | seen | {"reasons": ["LATE_PAYMENTS"]}
    records = [shown, disclosed("ASKED", "ann"), disclosed("SHOWN", "ben")]
    values = encode_records("disclosures-value", records, FileRegistry())
    for record, value in zip(records, values, strict=True):
        key = record["user_id"].encode()
        producer.send(settings.topic("disclosures"), key=key, value=value)
    producer.flush()

    told = json.loads(run("disclosures", "ann", "--json").stdout)
    listed = run("disclosures", "ann").stdout

    assert [record["event_id"] for record in told["disclosures"]] == ["SHOWN ann", "ASKED ann"]
    (account,) = told["partners"]
    assert (account["times_shown"], account["times_asked"]) == (1, 1)
    assert "admitted from 600: NO, FAIR, 590, LATE_PAYMENTS" in listed
    assert "No partner was ever shown" in run("disclosures", "cara").stdout


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_the_newest_score_is_shown(
    run: Run, settings: Settings, producer: Any, form: list[str]
) -> None:
    records = [score_record("ann", 610), score_record("eve", 700), score_record("ann", 641)]
    for record, value in zip(
        records, encode_records("scores-value", records, FileRegistry()), strict=True
    ):
        producer.send(settings.topic("scores"), key=record["user_id"].encode(), value=value)
    producer.flush()
    result = run("score", "ann", *form)
    assert result.exit_code == 0
    assert "641" in result.stdout
    assert "610" not in result.stdout


def test_a_score_in_a_partition_of_the_producers_choice_is_found(
    run: Run, settings: Settings, producer: Any
) -> None:
    (value,) = encode_records("scores-value", [score_record("ann", 641)], FileRegistry())
    for user in ("ann", "ben", "cleo"):
        producer.send(settings.topic("scores"), key=user.encode(), value=value, partition=1)
    producer.flush()
    assert all(run("score", user).exit_code == 0 for user in ("ann", "ben", "cleo"))


def test_an_erased_person_has_no_score(run: Run, settings: Settings, producer: Any) -> None:
    (value,) = encode_records("scores-value", [score_record("ann", None)], FileRegistry())
    producer.send(settings.topic("scores"), key=b"ann", value=value)
    producer.flush()
    assert "thin file" in run("score", "ann").stdout
    producer.send(settings.topic("scores"), key=b"ann", value=None)
    producer.flush()
    result = run("score", "ann")
    assert result.exit_code == 1
    assert "no score of ann" in result.stderr


def test_the_explained_points_add_up_to_the_score_that_was_published(
    run: Run, settings: Settings, producer: Any
) -> None:
    model = load_model("default@1")
    row = np.zeros(1, FACTOR_ROW)
    row["layout"] = FACTOR_ROW_LAYOUT
    row["consent_mask"] = (1 << Scope.SCORING) | (1 << Scope.CREDIT_HISTORY)
    row["payments_newest_s"] = 1_760_000_000
    row["first_credit_month"] = 600
    row["payment_months"] = 0xFF_FFFF
    row["paid_on_time"] = 2
    month = month_of_s(1_760_000_000)
    scored = score(row, month, model)
    record = score_record("ann", int(scored.score[0]))
    (value,) = encode_records("scores-value", [record], FileRegistry())
    producer.send(settings.topic("scores"), key=b"ann", value=value)
    producer.send(settings.topic("factor-state-changelog"), key=b"rann", value=row.tobytes())
    producer.flush()

    result = run("explain", "ann", "--json")
    assert result.exit_code == 0, result.stderr
    lines = json.loads(result.stdout)["characteristics"]
    assert model.base + sum(line["points"] for line in lines) == record["score"]
    by_name = {line["name"]: line for line in lines}
    assert by_name["on_time_share_24m"]["value"] == 1
    assert by_name["on_time_share_24m"]["factor"] == "CREDIT_HISTORY"
    assert by_name["attributes_verified"]["attribute"] == "not shared"
    assert "on_time_share_24m" in run("explain", "ann").stdout


def test_dead_letters_are_counted_and_filtered(run: Run, settings: Settings, producer: Any) -> None:
    for number, reason in enumerate(["DECODE", "INVALID", "INVALID", "TOO_LATE"]):
        headers = {"topic": "payments", "partition": 2, "offset": number, "reason": reason}
        headers |= {"error": f"error {number}", "failed_at": 1_760_000_000_000 + number}
        producer.send(
            settings.topic("dead-letters"),
            key=b"ann" if number else b"ben",
            value=b"abc",
            headers=[(f"dlq.{name}", str(value).encode()) for name, value in headers.items()],
        )
    producer.flush()
    told = json.loads(run("dlq", "list", "--json").stdout)
    assert told["reasons"] == {"INVALID": 2, "DECODE": 1, "TOO_LATE": 1}
    assert told["topics"] == {"payments": 4}
    chosen = run("dlq", "list", "--json", "--reason", "INVALID", "--user", "ann", "--limit", "1")
    told = json.loads(chosen.stdout)
    assert told["total"] == 2
    (letter,) = told["letters"]
    assert (letter["partition"], letter["offset"], letter["error"]) == (2, 2, "error 2")
    assert letter["failed_at"] == "2025-10-09T08:53:20.002+00:00"


def test_the_doctor_is_content_once_topics_are_applied(run: Run) -> None:
    before = run("doctor", "--json")
    assert before.exit_code == 1
    assert not json.loads(before.stdout)["healthy"]
    run("topics", "apply")
    after = run("doctor", "--json")
    states = {row["check"]: row["state"] for row in json.loads(after.stdout)["checks"]}
    assert after.exit_code == 0, states
    assert states["kafka"] == states["topics"] == states["schemas"] == "ok"


def read_all(settings: Settings, topic: str) -> list[Any]:
    found: list[Any] = []
    each_record(settings, next(each for each in ALL if each.name == topic), found.append)
    return found


def wait_for_retention(client: Any, name: str, milliseconds: str) -> None:
    """The broker takes a moment until it tells what it was told."""
    until = time.monotonic() + 120
    while provision.found(client, [name])[name].config["retention.ms"] != milliseconds:
        assert time.monotonic() < until, f"{name} never got {milliseconds}"
        time.sleep(0.05)
