"""What one event after the other causes, beside the score itself."""

from typing import Any

from pipeline import topics
from pipeline.dev.bench.plain.people import People, Told
from pipeline.dev.bench.plain.person import Person
from pipeline.dev.bench.plain.scoring import Card
from pipeline.factors.admission import Policy
from pipeline.factors.vocabulary import Scope
from pipeline.scoring.model import load_model

DAY_MS = 86_400_000
MARCH_MS = 1_741_000_000_000
KAFKA_MS = MARCH_MS + 800 * DAY_MS


class Town:
    """People, told of one event at a time."""

    def __init__(self, *users: str) -> None:
        self.table: dict[str, Person] = {}
        self.people = People(self.table, Card(load_model("default@1")), Policy())
        self.count = 0
        for user in users:
            for scope in list(Scope)[:6]:
                self.consent(user, "GRANT", scope.name)

    def hear(self, topic: topics.Topic, user: str, at_ms: int, **fields: Any) -> Told:
        self.count += 1
        event = {"event_id": f"e{self.count}", "user_id": user, "occurred_at": at_ms, **fields}
        return self.people.apply(topic.name, event, 0, KAFKA_MS)

    def consent(self, user: str, action: str, scope: str, at_ms: int = MARCH_MS) -> Told:
        return self.hear(topics.CONSENTS, user, at_ms, action=action, scope=scope)

    def bill(self, user: str, at_ms: int, **fields: Any) -> Told:
        blank = dict.fromkeys(("account_id", "balance_minor", "limit_minor"))
        due = {"kind": "BILL", "due_at": at_ms}
        return self.hear(topics.PAYMENTS, user, at_ms, **(blank | due | fields))

    def three_bills(self, user: str) -> list[Told]:
        return [self.bill(user, MARCH_MS + days * DAY_MS) for days in (0, 31, 62)]


def test_a_score_is_published_once_it_is_known_and_when_it_moves() -> None:
    town = Town("ann")
    first, second, third = town.three_bills("ann")
    (thinner,) = first.scores
    assert thinner.score is not None
    assert thinner.score.missing == ["ACTIVE_MONTHS"]
    assert second.scores == []
    (published,) = third.scores
    assert published.score is not None
    assert published.score.status == "SCORED"
    again = town.bill("ann", MARCH_MS + 62 * DAY_MS)
    assert again.scores == []


def test_an_event_without_consent_changes_nothing() -> None:
    town = Town("ann")
    town.consent("ann", "WITHDRAW", "CREDIT_HISTORY", MARCH_MS + 1)
    before = str(town.table)
    assert town.bill("ann", MARCH_MS) == Told([], [])
    assert town.bill("bob", MARCH_MS) == Told([], [])
    assert str(town.table) == before


def test_withdrawing_scoring_erases_and_tells_the_peers() -> None:
    town = Town("ann")
    town.hear(topics.RELATIONSHIPS, "ann", MARCH_MS, other_user_id="bob", action="CONFIRM")
    told = town.consent("ann", "WITHDRAW", "SCORING", MARCH_MS + 1)
    assert town.table == {}
    assert [(new.user, new.score) for new in told.scores] == [("ann", None)]
    assert [(s.said.receiver, s.said.active) for s in told.signals] == [("bob", False)]


def test_everybody_is_scored_again_when_the_watermark_enters_a_month() -> None:
    town = Town("ann", "bob")
    town.three_bills("ann")
    late_ms = MARCH_MS + 63 * DAY_MS
    town.bill("ann", late_ms, due_at=late_ms - 40 * DAY_MS)
    before = town.table["ann"]["published"]["score"]
    # 13 months on, what was overdue counts no longer among the last twelve.
    told = town.bill("bob", late_ms + 395 * DAY_MS)
    (again,) = (new for new in told.scores if new.user == "ann")
    assert again.score is not None
    assert again.score.score is not None
    assert again.score.score > before > 0
    assert town.bill("bob", late_ms + 396 * DAY_MS).scores == []


def test_who_keeps_the_watermark_elsewhere_scores_again_one_by_one() -> None:
    town, apart = Town("ann", "bob"), Town("ann", "bob")
    late_ms = MARCH_MS + 63 * DAY_MS
    next_ms = late_ms + 395 * DAY_MS
    for each in (town, apart):
        each.three_bills("ann")
        each.bill("ann", late_ms, due_at=late_ms - 40 * DAY_MS)
    told = town.bill("bob", next_ms)
    apart.people.follow(0, next_ms)
    assert apart.bill("bob", next_ms).scores == [new for new in told.scores if new.user == "bob"]
    again = apart.people.rescore("ann", 0)
    assert again.scores == [new for new in told.scores if new.user == "ann"] != []
    assert apart.people.rescore("eve", 0) == Told([], [])
    assert apart.table == town.table


def test_peers_are_told_a_base_score_that_moved_by_tens() -> None:
    town = Town("ann")
    town.hear(topics.RELATIONSHIPS, "ann", MARCH_MS, other_user_id="bob", action="CONFIRM")
    told = town.three_bills("ann")[-1]
    (score,) = told.scores
    assert score.score is not None
    assert score.score.base_score is not None
    (signal,) = told.signals
    assert (signal.sender, signal.said.receiver) == ("ann", "bob")
    assert signal.base_score == score.score.base_score // 10 * 10
