"""A partner's follower on a real Kafka: transactions, restarts, late grants."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from pipeline import settings
from pipeline.codec.registry import FileRegistry
from pipeline.errors import KafkaUnreachableError, SesameError
from pipeline.partners.follower import Follower, wall_clock_ms
from pipeline.partners.gateway_view import GatewayView
from pipeline.partners.records import PartnerScore
from pipeline.partners.view import LocalView
from tests.integration.partners.topics import (
    NOW_MS,
    PARTITIONS,
    POLICY,
    Topics,
    consent,
    following,
    score,
)

WAIT_S = 30


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


def test_a_grant_expires_by_event_time_too(written: Topics) -> None:
    hour_ms = 3_600_000
    written.commit(consent("ann", expires_at=NOW_MS + hour_ms), score("ann", 700))

    with following(written) as follower:
        followed = Followed(follower).caught_up()
        assert followed.bands() == {"ann": "VERY_GOOD"}
        written.commit(consent("ben", at_ms=NOW_MS + 2 * hour_ms))
        followed.until(lambda: list(followed.local) == ["ben"])


def test_consents_are_read_to_their_end_before_any_score(written: Topics) -> None:
    # More than one fetch of a partition brings.
    long_ones = consent("ann", partner_id="microloan", notice_version="n" * 3_000)
    written.commit(
        consent("ann"),
        *[long_ones] * 600,
        consent("ann", at_ms=NOW_MS + 1, action="WITHDRAW"),
        score("ann", 700),
    )

    with following(written) as follower:
        Followed(follower).caught_up()

    assert follower.results["scores"] == {"not_granted": 1}


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
