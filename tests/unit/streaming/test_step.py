"""A batch's output: what is written of whom, and what only looks like a change."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from pipeline import topics
from pipeline.codec.encode import decode_record, encode_records
from pipeline.codec.registry import FileRegistry
from pipeline.factors.fold import Policy
from pipeline.scoring.model import load_model
from pipeline.streaming import changelog, step
from pipeline.streaming.arrivals import decode
from pipeline.streaming.journal import Kind
from pipeline.streaming.output import Output
from pipeline.streaming.position import Position
from pipeline.streaming.records import Header, Record
from pipeline.streaming.store import PartitionStore

JUNE_MS = 1_780_300_000_000  # 2026-06-01
DAY_MS = 86_400_000
FACTORS = ("CREDIT_HISTORY", "BEHAVIOUR", "FULFILMENT", "IDENTITY", "SOCIAL")


@dataclass(frozen=True)
class Fetched:
    """A record as the lane sees it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...] = ()


class Partition:
    """A partition without Kafka: applies batches and keeps what they write."""

    def __init__(self) -> None:
        self.registry = FileRegistry()
        self.context = step.StepContext(
            self.registry,
            load_model("default@1"),
            Policy(),
            partition=3,
            partitions=4,
            topic_prefix="x.",
        )
        self.store = PartitionStore()
        self.position = Position()
        self._offsets: dict[str, int] = {}

    def apply(self, *sent: tuple[topics.Topic, dict[str, Any]]) -> Output:
        records: dict[str, list[Record]] = {}
        for topic, fields in sent:
            (value,) = encode_records(topic.subject, [fields], self.registry)
            records.setdefault(topic.name, []).append(self.fetched(topic, fields["user_id"], value))
        return self.apply_records(records)

    def apply_records(self, records: dict[str, list[Record]]) -> Output:
        decoded = decode(records, self.registry)
        folded = step.fold(self.store, decoded, self.position, self.context)
        return self.commit(step.finish(folded, self.position, self.context))

    def sweep(self, *users: str) -> Output:
        return self.commit(step.sweep(self.store, users, self.position, self.context))

    def commit(self, output: Output) -> Output:
        for user in output.erased:
            self.store.remove(user)
        self.store.scatter(output.state, output.changed)
        self.position = output.position
        return output

    def fetched(self, topic: topics.Topic, user: str, value: bytes | None) -> Fetched:
        offset = self._offsets.get(topic.name, 0)
        self._offsets[topic.name] = offset + 1
        return Fetched(offset, JUNE_MS + 30 * DAY_MS, user.encode(), value)

    def scores(self, output: Output) -> list[dict[str, Any] | None]:
        return [None if v is None else decode_record(v, self.registry) for _, v in output.scores]


@pytest.fixture
def partition() -> Partition:
    return Partition()


def consent(
    user: str, action: str, scope: str, at_ms: int, expires_at: int | None = None
) -> tuple[topics.Topic, dict[str, Any]]:
    fields = {
        "event_id": f"{user}-{action}-{scope}-{at_ms}",
        "user_id": user,
        "occurred_at": at_ms,
        "action": action,
        "scope": scope,
        "expires_at": expires_at,
        "notice_version": "1",
    }
    return topics.CONSENTS, fields


def bill(user: str, at_ms: int) -> tuple[topics.Topic, dict[str, Any]]:
    fields = {
        "event_id": f"{user}-bill-{at_ms}",
        "user_id": user,
        "occurred_at": at_ms,
        "kind": "BILL",
        "amount_minor": 5_000,
        "currency": "EUR",
        "due_at": at_ms + DAY_MS,
    }
    return topics.PAYMENTS, fields


def grants(user: str, at_ms: int) -> list[tuple[topics.Topic, dict[str, Any]]]:
    return [consent(user, "GRANT", scope, at_ms) for scope in ("SCORING", *FACTORS)]


def test_the_first_score_of_a_fresh_partition_is_as_of_the_enrolment(partition: Partition) -> None:
    (score,) = partition.scores(partition.apply(*grants("ann", JUNE_MS)))

    assert score is not None
    assert score["status"] == "THIN_FILE"
    assert score["as_of"] == JUNE_MS


def test_people_without_consent_leave_nothing_but_a_count(partition: Partition) -> None:
    output = partition.apply(bill("nobody", JUNE_MS))

    assert output.outcomes == {"payments": {"not_covered": 1}}
    assert (output.changelog, output.scores, output.dead_letters) == ([], [], [])
    assert "nobody" not in partition.store


def test_an_event_that_moves_no_point_is_kept_but_not_published(partition: Partition) -> None:
    partition.apply(*grants("ann", JUNE_MS), *(bill("ann", JUNE_MS - m * DAY_MS) for m in range(3)))

    output = partition.apply(bill("ann", JUNE_MS + 1))

    assert output.scores == []
    assert [key for key, _ in output.changelog] == [b"rann"]


def test_another_explanation_of_the_same_score_is_published(partition: Partition) -> None:
    partition.apply(*grants("ann", JUNE_MS))

    (score,) = partition.scores(partition.apply(bill("ann", JUNE_MS)))

    assert score is not None
    assert (score["status"], score["sequence"]) == ("THIN_FILE", 2)
    assert score["missing"] == ["ACTIVE_MONTHS"]


def test_erased_and_back_within_a_batch_is_written_whatever_the_bytes(
    partition: Partition,
) -> None:
    partition.apply(*grants("ann", JUNE_MS))

    output = partition.apply(
        consent("ann", "WITHDRAW", "SCORING", JUNE_MS + 1), *grants("ann", JUNE_MS)
    )
    restored = PartitionStore()
    changelog.apply(restored, output.changelog)

    assert output.erased == ["ann"]
    assert [score and score["sequence"] for score in partition.scores(output)] == [None, 1]
    assert "ann" in partition.store
    assert restored.gather(["ann"]).rows.tobytes() == partition.store.gather(["ann"]).rows.tobytes()


def test_only_people_whose_consent_has_ended_are_swept_for_it(partition: Partition) -> None:
    ends = JUNE_MS + DAY_MS
    partition.apply(
        *grants("ann", JUNE_MS),
        consent("bob", "GRANT", "SCORING", JUNE_MS, expires_at=ends),
    )
    assert partition.store.expired(ends - 1) == []
    assert partition.store.expired(ends) == ["bob"]

    partition.apply(bill("ann", ends))
    output = partition.sweep(*partition.store.expired(ends))

    assert output.erased == ["bob"]
    assert partition.scores(output) == [None]
    assert partition.store.next_expiry_ms() == 0


def test_whoever_is_swept_all_consents_that_are_over_end(partition: Partition) -> None:
    ends = JUNE_MS + DAY_MS
    partition.apply(
        *grants("ann", JUNE_MS), consent("bob", "GRANT", "SCORING", JUNE_MS, expires_at=ends)
    )
    partition.apply(bill("ann", ends))

    output = partition.sweep("ann")

    assert output.erased == ["bob"]
    assert output.state.users == ["ann", "bob"]
    assert partition.sweep("ann").state.users == ["ann"]


def test_every_output_says_what_it_is_for(partition: Partition) -> None:
    assert partition.apply(*grants("ann", JUNE_MS)).kind is Kind.BATCH
    assert partition.sweep("ann").kind is Kind.SWEEP
    assert step.nothing(partition.position).kind is Kind.CONFIRM


def test_a_dead_letter_keeps_the_original_and_says_where_it_was(partition: Partition) -> None:
    partition.apply(*grants("ann", JUNE_MS))
    poison = partition.fetched(topics.PAYMENTS, "ann", b"\0\0")

    (letter,) = partition.apply_records({"payments": [poison]}).dead_letters

    headers = {name: value.decode() for name, value in letter.headers}
    assert (letter.key, letter.value) == (b"ann", b"\0\0")
    assert headers.pop("dlq.failed_at").isdigit()
    assert headers.pop("dlq.error")
    assert headers == {
        "dlq.topic": "x.payments",
        "dlq.partition": "3",
        "dlq.offset": "0",
        "dlq.reason": "WIRE_FORMAT",
    }


def test_a_dead_letter_of_a_redriven_record_carries_on_where_it_was_sent_back_from(
    partition: Partition,
) -> None:
    redriven = (
        ("redrive.offset", b"17"),
        ("redrive.offset", b"18"),
        ("redrive.count", b"1" * 2_000),
        ("redrive.else", b"x"),
        ("trace", b"y"),
    )
    poison = replace(partition.fetched(topics.PAYMENTS, "ann", b"\0\0"), headers=redriven)

    (letter,) = partition.apply_records({"payments": [poison]}).dead_letters

    assert [h for h in letter.headers if not h[0].startswith("dlq.")] == [("redrive.offset", b"17")]


def test_what_is_too_large_to_be_kept_is_told_without_its_bytes(partition: Partition) -> None:
    poison = partition.fetched(topics.PAYMENTS, "ann", b"\1" * 2_100_000)

    (letter,) = partition.apply_records({"payments": [poison]}).dead_letters

    assert (letter.key, letter.value) == (None, None)
    assert b"2100003 bytes are too many" in dict(letter.headers)["dlq.error"]
