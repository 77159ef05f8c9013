"""A partner's three topics, a gateway that writes by hand, and what the partner wrote."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from pipeline import settings
from pipeline.codec.encode import decode_record, encode_records
from pipeline.codec.registry import FileRegistry
from pipeline.partners.client import PartnerClient
from tests.integration.support.tail import Ends

PARTNER = "car-rental"
PARTITIONS = 3
WAIT_S = 120.0
REGISTRY = FileRegistry()
Record = tuple[str, bytes | None]


def score(subject: str, sequence: int = 1, **changes: Any) -> Record:
    """A record as the gateway would write it."""
    fields: dict[str, Any] = {
        "subject": subject,
        "partner_id": PARTNER,
        "purpose": "CAR_RENTAL_DEPOSIT",
        "disclosure": "BAND",
        "admitted": "YES",
        "band": "VERY_GOOD",
        "score": None,
        "threshold": 650,
        "reasons": [],
        "model": "default@1",
        "as_of": 86_400_000,
        "grant_expires_at": None,
        "sequence": sequence,
    }
    (value,) = encode_records(f"partner.{PARTNER}.scores-value", [fields | changes], REGISTRY)
    return subject, value


def ended(subject: str) -> Record:
    return subject, None


def until(holds: Callable[[], bool], wait_s: float = WAIT_S) -> None:
    deadline = time.monotonic() + wait_s
    while not holds():
        assert time.monotonic() < deadline, f"not so after {wait_s} s"
        time.sleep(0.02)


class PartnerTopics:
    """The topics under a prefix of their own."""

    def __init__(self, bootstrap: str, prefix: str, folder: Path) -> None:
        self.bootstrap, self.prefix = bootstrap, prefix
        self.settings = settings.load(
            bootstrap=bootstrap, topic_prefix=prefix, request_timeout_s=15, enquiries_per_day_max=24
        )
        self.store = folder / "partner.sqlite"
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
        self._producer: Producer | None = None

    def name(self, kind: str) -> str:
        return f"{self.prefix}partner.{PARTNER}.{kind}"

    def create(self, *kinds: str, **config: str) -> None:
        wanted = kinds or ("scores", "outcomes", "enquiries")
        made = self._admin.create_topics(
            [NewTopic(self.name(kind), PARTITIONS, 1, config=config) for kind in wanted]
        )
        for future in made.values():
            future.result(WAIT_S)

    def delete(self, kind: str) -> None:
        (future,) = self._admin.delete_topics([self.name(kind)]).values()
        future.result(WAIT_S)
        until(lambda: self.name(kind) not in self._admin.list_topics(timeout=WAIT_S).topics)

    def forget_all(self) -> None:
        """Remove all records of the scores topic; its offsets go on."""
        ends = []
        for number in range(PARTITIONS):
            place = TopicPartition(self.name("scores"), number)
            with self._consumer() as consumer:
                _, end = consumer.get_watermark_offsets(place, WAIT_S)
            ends.append(TopicPartition(place.topic, number, end))
        for future in self._admin.delete_records(ends).values():
            future.result(WAIT_S)

    @property
    def producer(self) -> Producer:
        if self._producer is None:
            self._producer = Producer(
                {
                    "bootstrap.servers": self.bootstrap,
                    "transactional.id": f"{self.prefix}gateway",
                    "log_level": 0,
                }
            )
            self._producer.init_transactions(WAIT_S)
        return self._producer

    def commit(self, *records: Record) -> None:
        self.send(*records)
        self.producer.commit_transaction()
        self._until_settled()

    def abort(self, *records: Record) -> None:
        self.send(*records)
        self.producer.flush()
        self.producer.abort_transaction()
        self._until_settled()

    def _until_settled(self) -> None:
        """A reader sees the end of a transaction some time after its producer was told."""
        parts = [TopicPartition(self.name("scores"), number) for number in range(PARTITIONS)]
        Ends(self.bootstrap).until_settled(parts)

    def send(self, *records: Record) -> None:
        self.producer.begin_transaction()
        for subject, value in records:
            number = sum(subject.encode()) % PARTITIONS
            self.producer.produce(self.name("scores"), value, subject.encode(), number)
            self.producer.poll(0)

    def client(self, **changes: Any) -> PartnerClient:
        given: dict[str, Any] = {"settings": self.settings, "store": self.store}
        return PartnerClient(PARTNER, **given | changes)

    def written(self, kind: str) -> list[dict[str, Any]]:
        """The values of a topic the partner writes, in the order of each partition."""
        return [fields for number in range(PARTITIONS) for fields in self._values(kind, number)]

    def _values(self, kind: str, number: int) -> Iterator[dict[str, Any]]:
        with self._consumer() as consumer:
            place = TopicPartition(self.name(kind), number, 0)
            at, end = consumer.get_watermark_offsets(place, WAIT_S)
            consumer.assign([place])
            while at < end:
                message = consumer.poll(WAIT_S)
                assert message is not None
                assert message.error() is None
                value, offset = message.value(), message.offset()
                assert value is not None
                assert offset is not None
                fields = decode_record(value, REGISTRY)
                assert message.key() == fields["subject"].encode()
                yield fields
                at = offset + 1

    @contextmanager
    def _consumer(self) -> Iterator[Consumer]:
        consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": f"{self.prefix}reader",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "log_level": 0,
            }
        )
        try:
            yield consumer
        finally:
            consumer.close()
