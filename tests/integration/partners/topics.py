"""The two topics a partner follows, and a producer that knows only the contract."""

import io
import json
import uuid
from dataclasses import dataclass
from typing import Any

import fastavro
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from pipeline import settings
from pipeline.codec.registry import FileRegistry
from pipeline.partners.follower import Follower, wall_clock_ms
from pipeline.partners.gateway_view import GatewayView
from pipeline.partners.registry import Policy
from pipeline.partners.vocabulary import Disclosure, Fallback, Purpose
from pipeline.resources import schemas_dir

POLICY = Policy(
    "car-rental", "Car rental", Purpose.CAR_RENTAL_DEPOSIT, 650, Disclosure.BAND, Fallback.DEPOSIT
)
PARTITIONS = 3
NOW_MS = wall_clock_ms()


def framed(record: str, subject: str, fields: dict[str, Any]) -> bytes:
    """A value in the wire format, written by fastavro alone."""
    schema = fastavro.parse_schema(json.loads((schemas_dir() / f"{record}.v1.avsc").read_text()))
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, fields)
    return b"\0" + FileRegistry().id_of(subject).to_bytes(4, "big") + out.getvalue()


@dataclass
class Topics:
    """The two topics under a prefix of their own, and who writes to them."""

    bootstrap: str
    prefix: str

    def __post_init__(self) -> None:
        self.settings = settings.load(bootstrap=self.bootstrap, topic_prefix=self.prefix)
        self.producer = Producer(
            {
                "bootstrap.servers": self.bootstrap,
                "transactional.id": f"{self.prefix}writer",
                "log_level": 0,
            }
        )

    def create(self, *, scores_partitions: int = PARTITIONS) -> None:
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        made = admin.create_topics(
            [
                NewTopic(f"{self.prefix}consents", PARTITIONS, 1),
                NewTopic(f"{self.prefix}scores", scores_partitions, 1),
            ]
        )
        for future in made.values():
            future.result()
        self.producer.init_transactions()

    def commit(self, *records: tuple[str, str, bytes | None]) -> None:
        self.send(*records)
        self.producer.commit_transaction()

    def abort(self, *records: tuple[str, str, bytes | None]) -> None:
        self.send(*records)
        self.producer.flush()
        self.producer.abort_transaction()

    def send(self, *records: tuple[str, str, bytes | None]) -> None:
        self.producer.begin_transaction()
        for topic, key, value in records:
            self.producer.produce(
                self.prefix + topic,
                key=key.encode(),
                value=value,
                partition=sum(key.encode()) % PARTITIONS,
            )


def consent(user: str, *, at_ms: int = NOW_MS, **changes: Any) -> tuple[str, str, bytes]:
    fields = {
        "event_id": uuid.uuid4().hex,
        "user_id": user,
        "occurred_at": at_ms,
        "action": "GRANT",
        "scope": "PARTNER",
        "partner_id": "car-rental",
        "purpose": "CAR_RENTAL_DEPOSIT",
        "disclosure": "SCORE",
        "expires_at": None,
        "notice_version": "2026-01",
    }
    return "consents", user, framed("Consent", "consents-value", fields | changes)


def score(user: str, points: int | None, sequence: int = 1) -> tuple[str, str, bytes]:
    factors = ("CREDIT_HISTORY", "BEHAVIOUR", "FULFILMENT", "IDENTITY", "SOCIAL")
    fields = {
        "user_id": user,
        "status": "THIN_FILE" if points is None else "SCORED",
        "score": points,
        "band": None if points is None else "VERY_GOOD" if points >= 650 else "GOOD",
        "base_score": points,
        "probability_of_default": None,
        "factors": [
            {"factor": name, "points": 1, "max_points": 2, "min_points": 0, "consented": True}
            for name in factors
        ],
        "reasons": ["LATE_PAYMENTS"],
        "missing": [],
        "model": "default@1",
        "as_of": NOW_MS,
        "computed_at": NOW_MS,
        "sequence": sequence,
    }
    return "scores", user, framed("Score", "scores-value", fields)


def following(written: Topics) -> Follower:
    return Follower(written.settings, FileRegistry(), GatewayView(POLICY))
