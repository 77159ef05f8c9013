"""A partner's follower on a real Kafka: transactions, restarts, late grants."""

import io
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import fastavro
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from prometheus_client import CollectorRegistry

from pipeline import settings
from pipeline.codec.registry import FileRegistry
from pipeline.errors import KafkaUnreachableError, SesameError
from pipeline.partners.follower import Follower, wall_clock_ms
from pipeline.partners.gateway_view import GatewayView
from pipeline.partners.metrics import PartnerMetrics
from pipeline.partners.records import PartnerScore
from pipeline.partners.registry import Policy
from pipeline.partners.service import PartnerService
from pipeline.partners.view import LocalView
from pipeline.partners.vocabulary import Disclosure, Fallback, Purpose
from pipeline.resources import schemas_dir

POLICY = Policy(
    "car-rental", "Car rental", Purpose.CAR_RENTAL_DEPOSIT, 650, Disclosure.BAND, Fallback.DEPOSIT
)
PARTITIONS = 3
WAIT_S = 30
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
            {"bootstrap.servers": self.bootstrap, "transactional.id": f"{self.prefix}writer"}
        )

    def create(self, *, scores_partitions: int = PARTITIONS) -> None:
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
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


@dataclass
class Followed:
    """A follower and the view it feeds."""

    follower: Follower
    local: LocalView = field(default_factory=LocalView)

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WAIT_S
        while not holds():
            assert time.monotonic() < deadline, f"not so after {WAIT_S} s"
            self.step()

    def step(self) -> None:
        for change in self.follower.poll(0.2):
            self.local.apply(change)

    def caught_up(self) -> "Followed":
        self.until(lambda: self.follower.ready and not self.follower.looking_back)
        return self

    def seen(self) -> dict[str, PartnerScore | None]:
        return {user: self.local.get(user, wall_clock_ms()) for user in self.local}

    def bands(self) -> dict[str, str | None]:
        return {user: None if seen is None else seen.band for user, seen in self.seen().items()}


def following(written: Topics) -> Follower:
    return Follower(written.settings, FileRegistry(), GatewayView(POLICY))


@pytest.fixture
def written(kafka: str, topic_prefix: str) -> Topics:
    topics = Topics(kafka, topic_prefix)
    topics.create()
    return topics


def test_only_granted_scores_are_seen_and_only_as_granted(written: Topics) -> None:
    written.commit(
        consent("ann"),
        consent("ben", disclosure="ADMIT"),
        consent("cara", partner_id="microloan"),
        score("ann", 700),
        score("ben", 700),
        score("cara", 700),
        score("dan", 700),
        score("ann", 640, sequence=2),
    )

    with following(written) as follower:
        followed = Followed(follower).caught_up()

    assert followed.bands() == {"ann": "GOOD", "ben": None}
    ann = followed.seen()["ann"]
    assert ann is not None
    assert (ann.admitted, ann.score, ann.sequence) == ("NO", None, 2)


def test_aborted_records_are_never_seen(written: Topics) -> None:
    written.commit(consent("ann"), score("ann", 640))
    written.abort(score("ann", 700, sequence=2), consent("ben"), score("ben", 700))
    written.abort(consent("ann", at_ms=NOW_MS + 1, action="WITHDRAW"), ("scores", "ann", None))

    with following(written) as follower:
        followed = Followed(follower).caught_up()

    assert followed.bands() == {"ann": "GOOD"}


def test_records_of_an_open_transaction_wait_for_its_end(written: Topics) -> None:
    written.commit(consent("ann"), score("ann", 640))
    written.send(score("ann", 700, sequence=2))
    written.producer.flush()

    with following(written) as follower:
        followed = Followed(follower).caught_up()
        followed.step()
        assert followed.bands() == {"ann": "GOOD"}
        written.producer.commit_transaction()
        followed.until(lambda: followed.bands() == {"ann": "VERY_GOOD"})


def test_a_restart_builds_the_same_view(written: Topics) -> None:
    people = [f"user-{number}" for number in range(60)]
    for round_number in range(1, 4):
        written.commit(
            *(consent(user, at_ms=NOW_MS - 10 + round_number) for user in people[::2]),
            *(
                score(user, 560 + 2 * n + round_number, round_number)
                for n, user in enumerate(people)
            ),
        )
    written.commit(*(consent(user, action="WITHDRAW") for user in people[:20:4]))
    written.commit(("scores", people[30], None), score(people[32], None, 4))

    with following(written) as follower:
        first = Followed(follower).caught_up()
    with following(written) as follower:
        second = Followed(follower).caught_up()

    assert first.seen() == second.seen()
    assert len(first.local) == 25
    assert first.seen()[people[30]] is first.seen()[people[32]] is None
    assert first.bands()[people[58]] == "VERY_GOOD"


def test_who_grants_after_being_scored_is_seen_without_a_new_score(written: Topics) -> None:
    written.commit(*(score(f"user-{number}", 660) for number in range(30)), score("ann", 700))

    with following(written) as follower:
        followed = Followed(follower).caught_up()
        assert followed.bands() == {}
        written.commit(consent("ann"), consent("user-3"))
        followed.until(lambda: followed.bands() == {"ann": "VERY_GOOD", "user-3": "VERY_GOOD"})
        written.commit(score("user-3", 640, sequence=2), score("user-4", 640, sequence=2))
        followed.until(lambda: followed.bands() == {"ann": "VERY_GOOD", "user-3": "GOOD"})


def test_a_withdrawal_an_erasure_and_an_expiry_are_forgotten_at_once(written: Topics) -> None:
    soon_ms = wall_clock_ms() + 1_500
    written.commit(
        *(consent(user) for user in ("ann", "ben")),
        consent("cara", expires_at=soon_ms),
        *(score(user, 700) for user in ("ann", "ben", "cara")),
    )

    with following(written) as follower:
        followed = Followed(follower).caught_up()
        assert set(followed.bands()) >= {"ann", "ben"}
        written.commit(consent("ann", at_ms=NOW_MS + 1, action="WITHDRAW"))
        written.commit(("scores", "ben", None))
        followed.until(lambda: followed.bands() == {"ben": None})
        assert wall_clock_ms() >= soon_ms


def test_a_consent_that_breaks_the_contract_grants_nothing(written: Topics) -> None:
    topic, _, value = consent("ann")
    written.commit(
        (topic, "ben", value),
        consent("cara", at_ms=NOW_MS + 2 * 86_400_000),
        consent("dan", event_id=""),
        (topic, "eve", b"\0\0\0\0\1nonsense"),
        consent("ann"),
        *(score(user, 700) for user in ("ann", "ben", "cara", "dan", "eve")),
        ("scores", "ann", b"\0\0\0\0\7nonsense"),
    )

    with following(written) as follower:
        followed = Followed(follower).caught_up()

    assert followed.bands() == {"ann": "VERY_GOOD"}
    assert follower.results["consents"]["refused"] == 4
    assert follower.results["scores"]["refused"] == 1


def test_missing_or_unlike_topics_and_a_missing_broker_are_told(
    kafka: str, topic_prefix: str
) -> None:
    missing = Topics(kafka, f"{topic_prefix}a.")
    with pytest.raises(SesameError, match=r"there is no topic .*consents"), following(missing):
        pass
    unlike = Topics(kafka, f"{topic_prefix}b.")
    unlike.create(scores_partitions=PARTITIONS + 1)
    with pytest.raises(SesameError, match="3 partitions and scores 4"), following(unlike):
        pass
    nowhere = settings.load(bootstrap="127.0.0.1:9", request_timeout_s=2)
    follower = Follower(nowhere, FileRegistry(), GatewayView(POLICY))
    with pytest.raises(KafkaUnreachableError, match=r"127\.0\.0\.1:9"), follower:
        pass


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_a_service_counts_its_latest_decisions_and_ends_when_idle(
    written: Topics, stop: threading.Event
) -> None:
    written.commit(
        *(consent(user) for user in ("ann", "ben", "cara", "dan")),
        score("ann", 600),
        score("ann", 700, sequence=2),
        score("ben", 649),
        score("cara", None),
        score("eve", 700),
        consent("dan", at_ms=NOW_MS + 1, action="WITHDRAW"),
        score("dan", 700),
    )
    collectors = CollectorRegistry()

    with following(written) as follower:
        service = PartnerService(POLICY, follower, PartnerMetrics(POLICY, collectors), {})
        service.run(stop, until_idle_s=1)
        summary = service.summary()

    assert summary.ready
    assert summary.decisions == {"DEPOSIT_WAIVED": 1, "DEPOSIT_REQUIRED": 2}
    assert summary.admitted == {"YES": 1, "NO": 1, "NOT_AVAILABLE": 1}
    labels = {"partner": "car-rental", "purpose": "CAR_RENTAL_DEPOSIT"}
    assert collectors.get_sample_value("sesame_partner_subjects", labels) == 3
    assert collectors.get_sample_value("sesame_partner_ready", labels) == 1
    passed = labels | {"topic": "scores", "result": "not_granted"}
    assert collectors.get_sample_value("sesame_partner_records_total", passed) == 2


def test_the_withdrawn_and_strangers_get_the_same_answer(
    written: Topics, stop: threading.Event
) -> None:
    written.commit(
        consent("ann"),
        score("ann", 700),
        consent("ann", at_ms=NOW_MS + 1, action="WITHDRAW"),
        consent("ben"),
        score("ben", None),
    )

    with following(written) as follower:
        metrics = PartnerMetrics(POLICY, CollectorRegistry())
        service = PartnerService(POLICY, follower, metrics, {})
        service.run(stop, until_idle_s=0.5)

    answers = {service.decision(user) for user in ("ann", "ben", "stranger")}
    assert [answer.outcome for answer in answers] == ["DEPOSIT_REQUIRED"]
