"""A person leaves: what is removed, what the receipt says, and whether it can be checked."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline import topics
from pipeline.streaming import changelog
from tests.integration.erasure.command import check, compact, erase, sesame, states
from tests.integration.support.gateway import SharedStream, outcome
from tests.integration.support.records import (
    DAY_MS,
    NOW_MS,
    friends,
    good_year,
    grants,
    record,
)
from tests.integration.support.stream import Input
from tests.integration.support.tail import Tail

COMPACTED = (topics.CHANGELOG, topics.GATEWAY_CHANGELOG, topics.SCORES)
STATE = {"factor row", "ledger", "contracts", "links"}


def shown(stream: SharedStream) -> tuple[topics.Topic, ...]:
    return tuple(topics.partner_scores(partner) for partner in stream.partners)


def live_in(stream: SharedStream, *people: str) -> None:
    """People with everything: scores, grants, friends, a letter, a contract at a partner."""
    subjects = {partner: stream.subject("ann", partner) for partner in stream.partners}
    for person in people:
        stream.send([*grants(person), *stream.granted(person), *good_year(person)])
    stream.send(Input(topics.PAYMENTS, b"ann", b"no record", "WIRE_FORMAT") for _ in range(2))
    stream.until(
        lambda: all(stream.scores_shown(p).get(s) is not None for p, s in subjects.items())
    )
    stream.send([outcome("rental", subjects["rental"], "rent-1")])
    stream.send([*friends("ann", "bob"), *one_sided("eve", "ann"), *one_sided("ann", "dan")])
    stream.until(lambda: names_ann(stream) == {"bob", "eve"} and contracts_known(stream))


def one_sided(one: str, other: str) -> list[Input]:
    return [record(topics.RELATIONSHIPS, one, NOW_MS, other_user_id=other)]


def names_ann(stream: SharedStream) -> set[str]:
    """Whose list of links names ann."""
    return {
        key[1:].decode()
        for key, value in stream.state().items()
        if key[:1] == changelog.LINKS and b"ann" in value
    }


def contracts_known(stream: SharedStream) -> bool:
    return any(
        r.key == b"ann" for r in stream.read(topics.OBLIGATIONS) if b"rent-1" in (r.value or b"")
    )


def consents_of(stream: SharedStream, user: str) -> int:
    return sum(r.key == user.encode() for r in stream.read(topics.CONSENTS))


def everything(stream: SharedStream, topic: topics.Topic) -> list[Any]:
    """All that a topic still holds, read from its beginning."""
    tail = Tail(stream.bootstrap, stream.prefix + topic.name, stream.partitions)
    try:
        return list(tail.read())
    finally:
        tail.close()


@pytest.mark.slow
def test_an_erased_person_is_gone_everywhere_and_the_receipt_says_so(
    shared: SharedStream, tmp_path: Path
) -> None:
    stream = shared
    worker, gateway = stream.worker().until_ready(), stream.gateway().until_ready()
    live_in(stream, "ann", "bob", "eve")
    subjects = [stream.subject("ann", partner) for partner in stream.partners]
    receipt = erase(stream, "ann")

    # Nothing of her is left in force, and friends no longer know her.
    assert not [key for key in stream.state() if key[1:] == b"ann"]
    assert stream.scores()["ann"] is None
    for partner, subject in zip(stream.partners, subjects, strict=True):
        assert stream.shown(partner)[subject][-1] is None
    assert names_ann(stream) == set()
    assert stream.scores()["bob"] is not None

    # The receipt names each place, and nobody.
    told = json.dumps(receipt)
    assert not [name for name in ("ann", "bob", "eve", *subjects) if f'"{name}"' in told]
    removed = {(entry["topic"], entry["table"]) for entry in receipt["removed"]}
    assert removed >= {(topics.CHANGELOG.name, table) for table in STATE}
    assert removed >= {(topic.name, "PartnerScore") for topic in shown(stream)}
    assert removed >= {(topics.SCORES.name, "Score"), (topics.GATEWAY_CHANGELOG.name, "grant")}
    remaining = {entry["table"]: entry for entry in receipt["remaining"]}
    assert remaining.keys() >= {"Score", "Disclosed", "dead letter", "Consent", "enrolment"}
    assert remaining["dead letter"]["records"] == 2
    assert remaining["Consent"]["gone_by"] is None
    assert receipt["unseen"] == []
    tombstones = {
        (topic.name, r.partition, r.offset)
        for topic in (*COMPACTED, *shown(stream))
        for r in everything(stream, topic)
        if r.value is None
    }
    for entry in receipt["removed"]:
        assert (entry["topic"], entry["partition"], entry["tombstone"]) in tombstones

    holds = check(stream, receipt, tmp_path)
    assert holds.status == 0, holds.output
    assert states(holds)["factor row"] == {"TOMBSTONE"}

    # Asked again it says the same, and withdraws nothing anew.
    consents = consents_of(stream, "ann")
    again = erase(stream, "ann")
    assert again["withdrawals"] == receipt["withdrawals"]
    assert consents_of(stream, "ann") == consents

    # After compaction nothing but tombstones is left, and the receipt still holds.
    worker.kill()
    gateway.kill()
    keys = [b"ann", *(subject.encode() for subject in subjects)]

    def left() -> list[Any]:
        return [
            r
            for topic in (*COMPACTED, *shown(stream))
            for r in everything(stream, topic)
            if any(key in (r.key or b"") for key in keys)
            and r.value is not None
            and not r.key.startswith(b"eann")
        ]

    compact(stream, (*COMPACTED, *shown(stream)), lambda: not left())
    holds = check(stream, receipt, tmp_path)
    assert holds.status == 0, holds.output
    assert states(holds)["factor row"] <= {"COMPACTED", "GONE"}
    assert states(holds)["PartnerScore"] <= {"COMPACTED", "GONE"}

    # A grant of before that comes after is told.
    stream.send(grants("ann", "SCORING", at_ms=NOW_MS - DAY_MS))
    broken = check(stream, receipt, tmp_path)
    assert broken.status == 1
    assert "a grant of before the withdrawal" in broken.output


@pytest.mark.slow
def test_what_is_missing_is_told_and_the_receipt_comes_once_it_runs(
    shared: SharedStream, tmp_path: Path
) -> None:
    stream = shared
    stream.worker().until_ready()
    gateway = stream.gateway().until_ready()
    stream.send([*grants("ann"), *stream.granted("ann"), *good_year("ann")])
    subject = stream.subject("ann", "loan")
    stream.until(lambda: stream.scores_shown("loan").get(subject) is not None)
    gateway.kill()

    def complaint() -> str:
        refused = sesame(stream, "erase", "ann", "--yes", "--timeout", "3")
        assert refused.status == 1
        return refused.errors

    # The worker may not have taken the withdrawal in yet, either.
    stream.until(lambda: "does a gateway run?" in complaint())
    stream.gateway().until_ready()
    receipt = erase(stream, "ann")
    assert check(stream, receipt, tmp_path).status == 0
    assert stream.shown("loan")[subject][-1] is None


@pytest.mark.slow
def test_a_receipt_that_was_changed_is_refused_and_one_that_is_not_so_contradicted(
    shared: SharedStream, tmp_path: Path
) -> None:
    stream = shared
    stream.worker().until_ready()
    stream.send([*grants("ann"), *good_year("ann")])
    stream.until(lambda: bool(stream.score_changes("ann")))
    receipt = erase(stream, "ann")
    assert check(stream, receipt, tmp_path).status == 0

    changed = json.loads(json.dumps(receipt))
    changed["removed"][0]["tombstone"] += 1
    refused = check(stream, changed, tmp_path)
    assert refused.status == 2
    assert "was changed" in refused.errors

    file = tmp_path / "receipt.json"
    file.write_text(json.dumps({"receipt": receipt}))
    assert sesame(stream, "erase", "ann", "--check", str(file)).status == 0
    other = sesame(stream, "erase", "bob", "--check", str(file))
    assert other.status == 2
    assert "is not about bob" in other.errors

    # Somebody writes a score after all.
    stream.send([Input(topics.SCORES, b"ann", b"\0", partition=stream.partition_of("ann"))])
    broken = check(stream, receipt, tmp_path)
    assert broken.status == 1
    assert states(broken)["Score"] >= {"CONTRADICTED"}


def test_of_somebody_who_never_enrolled_nothing_is_kept(shared: SharedStream) -> None:
    shared.send([record(topics.PAYMENTS, "nobody")])
    told = sesame(shared, "erase", "nobody", "--yes")
    assert told.status == 0, told.errors
    assert "Nothing is kept of nobody: never enrolled" in told.output
    assert "payments holds 1 records" in told.output
    assert shared.read(topics.CONSENTS) == []
    assert sesame(shared, "erase", "nobody", "--yes", "--json").told["receipt"] is None
