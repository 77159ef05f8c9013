"""A run without Kafka: the pipeline's own steps over topics that are lists, and its evidence."""

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline import topics
from pipeline.codec.encode import encode_records
from pipeline.codec.registry import FileRegistry
from pipeline.dev.chaos.check import examine
from pipeline.dev.chaos.compare_state import partition_of
from pipeline.dev.chaos.evidence import Evidence
from pipeline.dev.chaos.records import Record
from pipeline.dev.chaos.verdict import Verdict
from pipeline.factors.fold import Policy
from pipeline.factors.months import month_of_ms
from pipeline.scoring.model import load_model
from pipeline.streaming import step
from pipeline.streaming.arrivals import decode
from pipeline.streaming.output import Output
from pipeline.streaming.position import Position
from pipeline.streaming.records import Header
from pipeline.streaming.sends import sends
from pipeline.streaming.store import PartitionStore
from pipeline.topics import Topic

JUNE_MS = 1_780_300_000_000  # 2026-06-01
DAY_MS = 86_400_000
MONTH_MS = 31 * DAY_MS
NOW_MS = JUNE_MS + 400 * DAY_MS
PREFIX = "x."
FACTORS = ("CREDIT_HISTORY", "BEHAVIOUR", "FULFILMENT", "IDENTITY", "SOCIAL")
MODEL = load_model("default@1")
AVRO = FileRegistry()


@dataclass(frozen=True)
class Fetched:
    """A record as a lane takes it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header] = ()


@dataclass(frozen=True)
class Sent:
    """A record as its sender remembers it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    reason: str | None


class Run:
    """Two partitions; whatever is sent waits until `apply` takes it."""

    def __init__(self, partitions: int = 2) -> None:
        self.partitions = partitions
        self.logs: dict[tuple[str, int], list[Record]] = defaultdict(list)
        self.sent: list[Sent] = []
        self.stores = [PartitionStore() for _ in range(partitions)]
        self.positions = [Position() for _ in range(partitions)]
        self._ids = itertools.count()

    # What is sent

    def send(self, topic: Topic, user: str, at_ms: int, **fields: Any) -> Sent:
        """A good record."""
        head = {"event_id": f"e{next(self._ids)}", "user_id": user, "occurred_at": at_ms}
        (value,) = encode_records(topic.subject, [head | fields], AVRO)
        return self.send_bytes(topic, user, value)

    def send_bytes(
        self, topic: Topic, user: str, value: bytes | None, reason: str | None = None
    ) -> Sent:
        key, partition = user.encode(), partition_of(user.encode(), self.partitions)
        record = self._append(topic.name, partition, NOW_MS, key, value)
        self.sent.append(Sent(topic.name, partition, record.offset, key, value, reason))
        return self.sent[-1]

    def consent(self, user: str, scope: str, at_ms: int = JUNE_MS, **fields: Any) -> Sent:
        given = {"action": "GRANT", "scope": scope, "notice_version": "1"}
        return self.send(topics.CONSENTS, user, at_ms, **given | fields)

    def enrol(self, user: str, at_ms: int = JUNE_MS) -> None:
        for scope in ("SCORING", *FACTORS):
            self.consent(user, scope, at_ms)

    def bill(self, user: str, at_ms: int, **fields: Any) -> Sent:
        paid = {"kind": "BILL", "amount_minor": 500, "currency": "EUR", "due_at": at_ms + DAY_MS}
        return self.send(topics.PAYMENTS, user, at_ms, **paid | fields)

    def befriend(self, user: str, other: str, at_ms: int) -> Sent:
        said = {"other_user_id": other, "kind": "FRIEND", "action": "CONFIRM"}
        return self.send(topics.RELATIONSHIPS, user, at_ms, **said)

    # What the pipeline does

    def apply(
        self, partition: int, without: Sequence[Sent] = (), swept: Sequence[str] | None = None
    ) -> None:
        """One transaction with all that waits, then the sweeps that are due.

        ``without``: records that the position counts and the fold does not see; ``swept``:
        whom alone a new month's sweep looks at.
        """
        position = self.positions[partition]
        taken = {
            topic.name: self._fetched(topic.name, partition, position.next_offset(topic.name))
            for topic in topics.INPUTS
        }
        taken = {name: records for name, records in taken.items() if records}
        if not taken:
            return
        hidden = {(sent.topic, sent.offset) for sent in without}
        seen = {
            name: kept
            for name, records in taken.items()
            if (kept := [r for r in records if (name, r.offset) not in hidden])
        }
        context = self.context(partition)
        decoded = decode(seen, AVRO)
        folded = step.fold(self.stores[partition], decoded, position, context)
        output = step.finish(folded, position, context)
        for name, records in taken.items():
            output.position.applied[name] = records[-1].offset
        self.commit(partition, output)
        self.sweep(partition, swept)

    def sweep(self, partition: int, chosen: Sequence[str] | None = None) -> None:
        store, position = self.stores[partition], self.positions[partition]
        month = int(month_of_ms(position.watermark_ms)) if position.watermark_ms else 0
        if month > position.swept_month:
            users = [user for chunk in store.chunks(10_000) for user in chunk]
            users = users if chosen is None else list(chosen)
            output = step.sweep(store, users, position, self.context(partition))
            output.position.swept_month = month
            self.commit(partition, output)
        if users := self.stores[partition].expired(position.watermark_ms):
            self.commit(partition, step.sweep(store, users, position, self.context(partition)))

    def confirm(self, partition: int) -> None:
        self.commit(partition, step.nothing(self.positions[partition]))

    def settle(self) -> "Run":
        """Apply until nothing waits: signals bring signals."""
        while any(self._is_waiting(number) for number in range(self.partitions)):
            for number in range(self.partitions):
                self.apply(number)
        return self

    def context(self, partition: int) -> step.StepContext:
        return step.StepContext(
            AVRO,
            MODEL,
            Policy(),
            partition=partition,
            partitions=self.partitions,
            topic_prefix=PREFIX,
        )

    def commit(self, partition: int, output: Output) -> None:
        written: set[tuple[str, int]] = set()
        for send in sends(output, partition, self.partitions):
            for key, value, headers in send.records:
                at = send.topic.name, send.partition
                self._append(*at, NOW_MS, key, value, tuple(headers))
                written.add(at)
        for at in written:
            self._append(*at, -1, None, None)  # the transaction's mark
        for user in output.erased:
            self.stores[partition].remove(user)
        self.stores[partition].scatter(output.state, output.changed)
        self.positions[partition] = output.position

    def _is_waiting(self, partition: int) -> bool:
        position = self.positions[partition]
        return any(
            self._fetched(topic.name, partition, position.next_offset(topic.name))
            for topic in topics.INPUTS
        )

    def _fetched(self, name: str, partition: int, start: int) -> list[Any]:
        records = self.logs[name, partition][start:]
        return [
            Fetched(r.offset, r.timestamp_ms, r.key, r.value) for r in records if not _is_mark(r)
        ]

    def _append(  # noqa: PLR0913 - what a record is
        self,
        name: str,
        partition: int,
        at_ms: int,
        key: bytes | None,
        value: bytes | None,
        headers: tuple[tuple[str, bytes], ...] = (),
    ) -> Record:
        log = self.logs[name, partition]
        log.append(Record(partition, len(log), at_ms, key, value, headers))
        return log[-1]

    # What came of it

    def evidence(self) -> Evidence:
        """What a witness would have seen."""
        found = Evidence(self.partitions, PREFIX)
        for topic in topics.INPUTS:
            for number in range(self.partitions):
                found.inputs[topic.name, number] = self._seen(topic, number)
        numbers = range(self.partitions)
        found.journal, found.scores, found.score_changes, found.letters = (
            [record for number in numbers for record in self._seen(topic, number)]
            for topic in (
                *(topics.JOURNAL, topics.SCORES, topics.SCORE_CHANGES, topics.DEAD_LETTERS),
            )
        )
        for number in numbers:
            for record in self._seen(topics.CHANGELOG, number):
                if record.value is None:
                    found.states[number].pop(record.key or b"", None)
                else:
                    found.states[number][record.key or b""] = record.value
        return found

    def judge(self, evidence: Evidence | None = None, histories_of: int = 1) -> Verdict:
        """What the oracle says of the run, or of evidence that was tampered with."""
        return examine(
            evidence or self.evidence(),
            MODEL,
            AVRO,
            sent={(each.topic, each.partition, each.offset): each for each in self.sent},
            policy=Policy(),
            histories_of=histories_of,
        )

    def _seen(self, topic: Topic, partition: int) -> list[Record]:
        return [record for record in self.logs[topic.name, partition] if not _is_mark(record)]


def _is_mark(record: Record) -> bool:
    return record.timestamp_ms < 0


def ordinary() -> Run:
    """Five people with a bit of everything: scores, links, an erasure, months, letters."""
    run = Run()
    users = ("ann", "bob", "cat", "dan", "eve")
    for user in users:
        run.enrol(user)
    for month in range(4):
        at_ms = JUNE_MS + month * MONTH_MS
        for user in users[:4]:
            run.bill(user, at_ms + DAY_MS)
            run.send(
                topics.CONSUMPTION,
                user,
                at_ms,
                kind="PURCHASE",
                category="ESSENTIALS",
                channel="WEB",
            )
        run.settle()
    at_ms = JUNE_MS + 4 * MONTH_MS
    for user, other in (("ann", "bob"), ("bob", "ann"), ("ann", "cat"), ("cat", "ann")):
        run.befriend(user, other, at_ms)
    run.send(
        topics.OBLIGATIONS,
        "ann",
        at_ms,
        contract_id="c1",
        partner_id="rental",
        kind="RENTAL",
        status="OPENED",
        amount_minor=5_000,
    )
    run.send(topics.PROFILES, "bob", at_ms, attribute="ADDRESS", status="VERIFIED")
    run.send_bytes(topics.PAYMENTS, "ann", b"\0\0", "WIRE_FORMAT")
    run.bill("bob", JUNE_MS)  # too late
    run.settle()
    run.consent("dan", "SCORING", at_ms, action="WITHDRAW")
    run.bill("ann", at_ms + 2 * DAY_MS, due_at=at_ms)
    run.confirm(0)
    return run.settle()
