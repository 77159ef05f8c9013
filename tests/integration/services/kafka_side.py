"""A partner's topics as the gateway and the broker see them, by other libraries than ours."""

import io
import json
import time
from dataclasses import dataclass, field
from typing import Any

import fastavro
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from pipeline.codec.registry import FileRegistry
from pipeline.resources import schemas_dir

PARTITIONS = 2
HEADER_BYTES = 5
QUIET_POLLS = 4


def schema(record: str) -> Any:
    return fastavro.parse_schema(json.loads((schemas_dir() / f"{record}.v1.avsc").read_text()))


@dataclass
class PartnerTopics:
    """The three topics of one partner, under a prefix."""

    bootstrap: str
    prefix: str
    partner_id: str
    sequences: dict[str, int] = field(default_factory=dict)

    def name(self, what: str) -> str:
        return f"{self.prefix}partner.{self.partner_id}.{what}"

    def create(self) -> None:
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        names = [self.name(what) for what in ("scores", "outcomes", "enquiries")]
        for future in admin.create_topics([NewTopic(n, PARTITIONS, 1) for n in names]).values():
            future.result()

    def show(self, subject: str, admitted: str, **changes: Any) -> None:
        """Write what the gateway would of somebody; ``admitted`` YES or NO."""
        loan = self.partner_id == "microloan"
        self.sequences[subject] = self.sequences.get(subject, 0) + 1
        fields = {
            "subject": subject,
            "partner_id": self.partner_id,
            "purpose": "MICROLOAN" if loan else "CAR_RENTAL_DEPOSIT",
            "disclosure": "ADMIT",
            "admitted": admitted,
            "band": None,
            "score": None,
            "threshold": 600 if loan else 650,
            "reasons": [] if admitted == "YES" else ["PAID_LATE"],
            "model": "default@1",
            "as_of": 1_770_000_000_000,
            "grant_expires_at": None,
            "sequence": self.sequences[subject],
        }
        out = io.BytesIO()
        fastavro.schemaless_writer(out, schema("PartnerScore"), fields | changes)
        number = FileRegistry().id_of(f"partner.{self.partner_id}.scores-value")
        self.write(subject, b"\0" + number.to_bytes(4, "big") + out.getvalue())

    def withdraw(self, subject: str) -> None:
        self.write(subject, None)

    def write(self, subject: str, value: bytes | None) -> None:
        producer = Producer({"bootstrap.servers": self.bootstrap, "log_level": 0})
        producer.produce(self.name("scores"), key=subject.encode(), value=value)
        assert producer.flush(120) == 0

    def outcomes(self, count: int, timeout_s: float = 120) -> list[dict[str, Any]]:
        """The reports on the broker, once there are so many, partition by partition.

        A report may be there again, under its event id and the same to the letter: whoever
        reads it knows it by that.
        """
        topic, deadline_s = self.name("outcomes"), time.monotonic() + timeout_s
        consumer = Consumer(
            {"bootstrap.servers": self.bootstrap, "group.id": "none", "log_level": 0}
        )
        consumer.assign([TopicPartition(topic, p, 0) for p in range(PARTITIONS)])
        found: dict[str, dict[str, Any]] = {}
        quiet = 0
        try:
            while len(found) < count or quiet < QUIET_POLLS:
                assert time.monotonic() < deadline_s, f"{len(found)} of {count} reports"
                message = consumer.poll(0.2)
                quiet += 1
                if message is None:
                    continue
                quiet = 0
                fields = outcome(message.key(), message.value())
                assert found.setdefault(fields["event_id"], fields) == fields
        finally:
            consumer.close()
        assert len(found) == count
        return list(found.values())


def outcome(key: str | bytes | None, value: str | bytes | None) -> dict[str, Any]:
    assert isinstance(value, bytes)
    assert isinstance(key, bytes)
    fields = fastavro.schemaless_reader(
        io.BytesIO(value[HEADER_BYTES:]), schema("PartnerOutcome"), None
    )
    assert isinstance(fields, dict)
    assert key.decode() == fields["subject"]
    return fields
