"""Lanes of the gateway over topics that are lists, driven a batch at a time."""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from kafka.partitioner.default import murmur2

from pipeline import settings, topics
from pipeline.codec.encode import decode_record, encode_records
from pipeline.codec.registry import FileRegistry
from pipeline.gateway import changelog, step
from pipeline.gateway.changes import Counts
from pipeline.gateway.context import GatewayContext
from pipeline.gateway.following import follow
from pipeline.gateway.keyring import KeyRing
from pipeline.gateway.state import GatewayState
from pipeline.gateway.terms import PolicyTable, Terms, TermsBox
from pipeline.partners.registry import Registry
from pipeline.streaming.position import Position
from tests.unit.gateway.logs import Written, band_of, compacted, is_input

START_MS = 1_900_000_000_000
"""The time by the wall clock at the beginning, after all event times of the tests."""
DAY_MS = 86_400_000
AVRO = FileRegistry()
SECRET = "k" * 32


def registry(**partners: dict[str, Any]) -> Registry:
    """A registry of partners, each ``purpose=threshold`` and maybe ``disclosure``."""
    entries = {}
    for name, terms in partners.items():
        purposes = {key: {"threshold": value} for key, value in terms.items() if key.isupper()}
        entries[name.replace("_", "-")] = {
            "name": name,
            "disclosure": terms.get("disclosure", "SCORE"),
            "fallback": "DEPOSIT",
            "legal_basis": "CONSENT",
            "purposes": purposes,
        }
    return Registry.model_validate({"partners": entries})


BOTH = registry(
    bikes={"BIKE_DEPOSIT": 600, "HOTEL_DEPOSIT": 500, "disclosure": "BAND"},
    loans={"MICROLOAN": 650},
)


class Lane:
    """One partition: its state, and what it has applied."""

    def __init__(self, context: GatewayContext) -> None:
        self.context = context
        self.state = GatewayState()
        self.position = Position()
        self.table = PolicyTable(context.terms.current)


@dataclass
class World:
    """Topics, lanes, a clock."""

    terms: Registry = BOTH
    partitions: int = 1
    secrets: Sequence[str] = (SECRET,)
    limits: Mapping[str, object] = field(default_factory=dict)
    now_ms: int = START_MS

    def __post_init__(self) -> None:
        self.logs: dict[tuple[str, int], list[Written]] = defaultdict(list)
        self.box = TermsBox(Terms.of(self.terms))
        self.keyring = KeyRing.of(self.secrets)
        self.counts: list[Counts] = []
        self.ids = itertools.count()
        self.published: dict[str, int] = {}
        self.enrolled_with_end: set[str] = set()
        self.lanes = [self._lane(number) for number in range(self.partitions)]

    def _lane(self, partition: int) -> Lane:
        context = GatewayContext(
            registry=AVRO,
            terms=self.box,
            keyring=self.keyring,
            partition=partition,
            partitions=self.partitions,
            topic_prefix="",
            settings=_settings(self.partitions, *sorted(self.limits.items())),
            clock_ms=lambda: self.now_ms,
        )
        return Lane(context)

    # What comes in

    def produce(self, topic: topics.Topic, key: str, value: bytes | None) -> "World":
        """Add a record where the default partitioner puts its key."""
        partition = (murmur2(key.encode()) & 0x7FFFFFFF) % self.partitions
        log = self.logs[topic.name, partition]
        log.append(Written(len(log), self.now_ms, key.encode(), value))
        return self

    def consent(self, user: str, at_ms: int, **fields: Any) -> "World":
        """A consent; without fields a grant of SCORING."""
        record: dict[str, Any] = {"action": "GRANT", "scope": "SCORING", "notice_version": "1"}
        record |= {"event_id": f"c{next(self.ids)}", "user_id": user, "occurred_at": at_ms}
        (value,) = encode_records(topics.CONSENTS.subject, [record | fields], AVRO)
        return self.produce(topics.CONSENTS, user, value)

    def grant(self, user: str, at_ms: int, partner: str = "bikes", **fields: Any) -> "World":
        """A grant to a partner, of the most unless said otherwise."""
        purpose = "MICROLOAN" if partner == "loans" else "BIKE_DEPOSIT"
        given = {"partner_id": partner, "purpose": purpose, "disclosure": "SCORE"}
        return self.consent(user, at_ms, **({"scope": "PARTNER"} | given | fields))

    def withdraw(self, user: str, at_ms: int, partner: str = "bikes", **fields: Any) -> "World":
        """A withdrawal from a partner."""
        purpose = "MICROLOAN" if partner == "loans" else "BIKE_DEPOSIT"
        given = {"partner_id": partner, "purpose": purpose, "action": "WITHDRAW"}
        return self.consent(user, at_ms, **({"scope": "PARTNER"} | given | fields))

    def score(self, user: str, points: int | None, **fields: Any) -> "World":
        """A score; None is a thin file."""
        record = {
            "user_id": user,
            "status": "THIN_FILE" if points is None else "SCORED",
            "score": points,
            "band": None if points is None else band_of(points),
            "base_score": points,
            "probability_of_default": None,
            "factors": [],
            "reasons": ["LATE_PAYMENTS", "SHORT_HISTORY"],
            "missing": [],
            "model": "default@1",
            "as_of": START_MS - 10 * DAY_MS,
            "computed_at": START_MS,
            "sequence": self._next_sequence(user),
        }
        (value,) = encode_records(topics.SCORES.subject, [record | fields], AVRO)
        return self.produce(topics.SCORES, user, value)

    def erase(self, user: str) -> "World":
        """The pipeline erased somebody's score, and counts from 1 again."""
        self.published.pop(user, None)
        return self.produce(topics.SCORES, user, None)

    def outcome(self, partner: str, subject: str, **fields: Any) -> "World":
        """What became of a contract."""
        record: dict[str, Any] = {"kind": "RENTAL", "status": "OPENED", "contract_id": "c1"}
        record |= {"event_id": f"o{next(self.ids)}", "subject": subject, "occurred_at": self.now_ms}
        topic = topics.partner_outcomes(partner)
        (value,) = encode_records(topic.subject, [record | fields], AVRO)
        return self.produce(topic, subject, value)

    def enquiry(self, partner: str, subject: str, **fields: Any) -> "World":
        """A partner decided about somebody."""
        purpose = "MICROLOAN" if partner == "loans" else "BIKE_DEPOSIT"
        record = {"event_id": f"e{next(self.ids)}", "subject": subject, "purpose": purpose}
        topic = topics.partner_enquiries(partner)
        all_fields = record | {"occurred_at": self.now_ms} | fields
        (value,) = encode_records(topic.subject, [all_fields], AVRO)
        return self.produce(topic, subject, value)

    def _next_sequence(self, user: str) -> int:
        self.published[user] = self.published.get(user, 0) + 1
        return self.published[user]

    # What the gateway does

    def run(self, cuts: Iterable[int] | None = None) -> "World":
        """Have every lane apply all there is, in batches of the sizes given, then time pass."""
        sizes = itertools.cycle(cuts or [1_000])
        while any(self._unread(lane) for lane in self.lanes):
            for lane in self.lanes:
                self._apply(lane, next(sizes))
        for lane in self.lanes:
            self.let_time_pass(lane)
        return self

    def pass_ms(self, passed_ms: int) -> "World":
        """Let time pass, and what is due happen."""
        self.now_ms += passed_ms
        return self.run()

    def reload(self, terms: Registry | None = None, secrets: Sequence[str] = ()) -> "World":
        """Exchange terms or keys, and have all grants looked at."""
        if terms is not None:
            self.box.replace(Terms.of(terms))
        if secrets:
            self.keyring = KeyRing.of(secrets)
        for lane in self.lanes:
            lane.context.keyring = self.keyring
            lane.table = PolicyTable(self.box.current)
            slots = lane.state.grants.taken(0, lane.state.grants.slots_end)
            self._commit(
                lane,
                step.review(lane.state, slots, lane.position, lane.context, lane.table),
            )
        return self

    def let_time_pass(self, lane: Lane) -> None:
        """What a lane does by itself until nothing is due."""
        while lane.state.next_due_ms <= max(self.now_ms, lane.position.watermark_ms):
            none = lane.state.grants.taken(0, 0)
            output = step.review(lane.state, none, lane.position, lane.context, lane.table)
            self._commit(lane, output)

    def _unread(self, lane: Lane) -> dict[str, list[Written]]:
        found = {
            topic: log[lane.position.next_offset(topic) :]
            for (topic, partition), log in self.logs.items()
            if partition == lane.context.partition and is_input(topic)
        }
        return {topic: records for topic, records in found.items() if records}

    def _apply(self, lane: Lane, records_max: int) -> None:
        unread = self._unread(lane)
        # Control records first, and whole.
        taken = {t: r if t == "consents" else r[:records_max] for t, r in unread.items()}
        if taken:
            output = step.apply(lane.state, taken, lane.position, lane.context, lane.table)
            self._commit(lane, output)

    def _commit(self, lane: Lane, output: step.Output) -> None:
        for send in output.sends:
            log = self.logs[send.topic.name, send.partition]
            for key, value, headers in send.records:
                at_ms = self.now_ms if send.timestamp_ms is None else send.timestamp_ms
                log.append(Written(len(log), at_ms, key, value, headers))
        lane.position = output.position
        self.counts.append(output.counts)

    def restore(self) -> "World":
        """Every lane from nothing but its changelog and the scores applied."""
        self.lanes = [self._restored(lane) for lane in self.lanes]
        return self

    def _restored(self, former: Lane) -> Lane:
        lane = self._lane(former.context.partition)
        written = self.logs[topics.GATEWAY_CHANGELOG.name, lane.context.partition]
        entries = [(record.key or b"", record.value) for record in compacted(written)]
        for start in range(0, len(entries), 3):
            position = changelog.apply(lane.state, entries[start : start + 3])
            lane.position = position or lane.position
        lane.state.grants.index_subjects()
        scores = self.logs[topics.SCORES.name, lane.context.partition]
        applied = compacted(scores[: lane.position.next_offset(topics.SCORES.name)])
        if applied:
            follow(lane.state, applied, AVRO)
        return lane

    # What comes out

    def subject(self, user: str, partner: str = "bikes") -> str:
        """The subject the current key makes."""
        purpose = "MICROLOAN" if partner == "loans" else "BIKE_DEPOSIT"
        return self.keyring.subject(user, partner, purpose)

    def records(self, topic: topics.Topic) -> list[Written]:
        """All records of a topic, partition by partition."""
        return [r for number in range(self.partitions) for r in self.logs[topic.name, number]]

    def values(self, topic: topics.Topic) -> list[dict[str, Any]]:
        """All values of a topic, decoded."""
        return [decode_record(r.value, AVRO) for r in self.records(topic) if r.value is not None]

    def view(self, partner: str = "bikes") -> dict[str, dict[str, Any]]:
        """What a partner's topic holds after compaction, by subject."""
        found = {r.key: r.value for r in self.records(topics.partner_scores(partner))}
        return {
            (key or b"").decode(): decode_record(value, AVRO)
            for key, value in found.items()
            if value is not None
        }

    def seen(self, user: str, partner: str = "bikes") -> dict[str, Any] | None:
        """What a partner sees of a person."""
        return self.view(partner).get(self.subject(user, partner))

    def told(self, user: str) -> list[tuple[str, str]]:
        """Kind and cause of what a person was told, in order."""
        mine = [v for v in self.values(topics.DISCLOSURES) if v["user_id"] == user]
        return [(value["kind"], value["cause"]) for value in mine]

    def refusals(self) -> list[tuple[str, str]]:
        """Reason and error of the dead letters, in order."""
        letters = [dict(r.headers) for r in self.records(topics.DEAD_LETTERS)]
        return [(h["dlq.reason"].decode(), h["dlq.error"].decode()) for h in letters]


@lru_cache
def _settings(partitions: int, *limits: tuple[str, object]) -> settings.Settings:
    return settings.load(partitions=partitions, **dict(limits))
