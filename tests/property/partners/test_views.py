"""However consents, scores and time interleave, the partner's view is that of a naive replay."""

import random
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from pipeline.partners.gateway_view import GatewayView
from pipeline.partners.lookback import LookBack
from pipeline.partners.records import Change, ConsentEvent, ScoreEvent
from pipeline.partners.registry import Policy
from pipeline.partners.view import LocalView
from pipeline.partners.vocabulary import Disclosure, Fallback, Purpose

POLICY = Policy("bikes", "Bikes", Purpose.BIKE_DEPOSIT, 600, Disclosure.SCORE, Fallback.DEPOSIT)
PEOPLE = ("ann", "ben", "cara")
END_MS = 20

Record = tuple[str, ScoreEvent | None]
Seen = dict[str, tuple[str, str | None, int | None] | None]
"""By subject with a grant: what is admitted, the band and the score; None: nothing."""


def consents(scoring: bool, expires: bool = True) -> st.SearchStrategy[ConsentEvent]:
    return st.builds(
        ConsentEvent,
        user_id=st.sampled_from(PEOPLE),
        occurred_at_ms=st.integers(1, END_MS),
        granted=st.booleans(),
        scoring=st.just(scoring),
        partner_id=st.sampled_from(["bikes", "bikes", "bikes", "hotel"]),
        purpose=st.sampled_from(["BIKE_DEPOSIT", "BIKE_DEPOSIT", "BIKE_DEPOSIT", "MICROLOAN"]),
        disclosure=st.sampled_from([*Disclosure, None]),
        expires_at_ms=st.none() | st.integers(1, 2 * END_MS) if expires else st.none(),
    )


partner_consents = consents(scoring=False)
unending_enrolments = consents(scoring=True, expires=False)
enrolments = consents(scoring=True)


@st.composite
def score_logs(draw: st.DrawFn) -> list[Record]:
    """What the stream publishes: scores numbered per person, erasures, and repeats."""
    log: list[Record] = []
    numbers = dict.fromkeys(PEOPLE, 0)
    steps = st.sampled_from(["score", "score", "score", "thin", "repeat", "erase"])
    for user, step in draw(st.lists(st.tuples(st.sampled_from(PEOPLE), steps), max_size=20)):
        if step == "erase":
            numbers[user] = 0
            log.append((user, None))
            continue
        if step == "repeat" and numbers[user] > 1:
            sequence = draw(st.integers(1, numbers[user]))
        else:
            numbers[user] += 1
            sequence = numbers[user]
        points = None if step == "thin" else draw(st.integers(350, 950))
        band = None if points is None else "GOOD"
        log.append((user, ScoreEvent(points, band, (), "default@1", 1, sequence)))
    return log


@dataclass
class Partner:
    """The pure parts wired as on Kafka, over topics that are lists."""

    log: list[Record]
    gateway: GatewayView = field(default_factory=lambda: GatewayView(POLICY))
    look_back: LookBack = field(default_factory=LookBack)
    local: LocalView = field(default_factory=LocalView)
    position: int = 0

    def take(self, change: Change | None) -> None:
        if change is not None:
            self.local.apply(change)

    def consent(self, event: ConsentEvent) -> None:
        change = self.gateway.consent(event)
        self.take(change)
        if change is not None and change.granted:
            self.look_back.want(event.user_id.encode())

    def read(self) -> None:
        if self.position < len(self.log):
            user, event = self.log[self.position]
            if self.look_back.takes(user.encode(), self.position, erased=event is None):
                self.take(self.gateway.score(user, event))
            self.position += 1
        go_on = self.look_back.next_offset(self.position)
        self.position = self.position if go_on is None else go_on

    def advance(self, now_ms: int) -> None:
        for change in self.gateway.advance(now_ms):
            self.take(change)

    def read_to_the_end(self) -> None:
        while self.position < len(self.log) or self.look_back.under_way:
            self.read()

    def seen(self, now_ms: int) -> Seen:
        found: Seen = {}
        for user in self.local:
            seen = self.local.get(user, now_ms)
            found[user] = None if seen is None else (seen.admitted, seen.band, seen.score)
        return found


def naive(history: list[ConsentEvent], log: list[Record], now_ms: int) -> Seen:
    """The same from the definitions: the deciding consent and the latest score of each."""
    found: Seen = {}
    for user in PEOPLE:
        own = [e for e in history if e.user_id == user and concerns(e)]
        if not own:
            continue
        newest = [e for e in own if e.occurred_at_ms == max(o.occurred_at_ms for o in own)]
        if not all(e.granted and not e.scoring for e in newest):
            continue
        least = min(shown(e) for e in newest)
        ends = min(e.expires_at_ms or 1_000 for e in newest if shown(e) == least)
        if ends > now_ms:
            found[user] = disclosed(latest(user, log), least)
    return found


def concerns(event: ConsentEvent) -> bool:
    if event.scoring:
        return not event.granted
    return (event.partner_id, event.purpose) == ("bikes", "BIKE_DEPOSIT")


def shown(event: ConsentEvent) -> int:
    return {None: 0, "ADMIT": 0, "BAND": 1, "SCORE": 2}[event.disclosure]


def latest(user: str, log: list[Record]) -> ScoreEvent | None:
    found: ScoreEvent | None = None
    for other, event in log:
        if other == user and (event is None or found is None or event.sequence > found.sequence):
            found = event
    return found


def disclosed(score: ScoreEvent | None, least: int) -> tuple[str, str | None, int | None] | None:
    if score is None or score.score is None:
        return None
    admitted = "YES" if score.score >= 600 else "NO"
    return admitted, score.band if least >= 1 else None, score.score if least == 2 else None


def interleave(
    partner: Partner, history: list[ConsentEvent], now_ms: int, chance: random.Random
) -> Seen:
    """Take everything in, in an order of chance; time passes meanwhile."""
    steps = ["consent"] * len(history) + ["read"] * len(partner.log) + ["time"] * now_ms
    chance.shuffle(steps)
    waiting, clock_ms = iter(history), 0
    for step in steps:
        if step == "consent":
            partner.consent(next(waiting))
        elif step == "read":
            partner.read()
        else:
            clock_ms += 1
            partner.advance(clock_ms)
    partner.read_to_the_end()
    return partner.seen(now_ms)


@given(
    st.lists(partner_consents | unending_enrolments, max_size=12),
    score_logs(),
    st.integers(0, 2 * END_MS),
    st.randoms(use_true_random=False),
)
def test_any_order_of_arrival_gives_the_view_of_a_naive_replay(
    history: list[ConsentEvent], log: list[Record], now_ms: int, chance: random.Random
) -> None:
    shuffled = chance.sample(history, len(history))

    seen = interleave(Partner(log), shuffled, now_ms, chance)

    assert seen == naive(history, log, now_ms)


@given(
    st.lists(partner_consents | enrolments, max_size=12),
    score_logs(),
    st.integers(0, 2 * END_MS),
    st.randoms(use_true_random=False),
)
def test_a_restart_gives_the_view_of_the_one_that_went_through_it_all(
    history: list[ConsentEvent], log: list[Record], now_ms: int, chance: random.Random
) -> None:
    lived = interleave(Partner(log), history, now_ms, chance)

    restarted = Partner(log)
    restarted.advance(now_ms)
    for event in history:
        restarted.consent(event)
    restarted.read_to_the_end()

    assert lived == restarted.seen(now_ms)


@given(
    st.lists(partner_consents | enrolments, max_size=12),
    score_logs(),
    st.randoms(use_true_random=False),
)
def test_whoever_withdraws_last_is_forgotten(
    history: list[ConsentEvent], log: list[Record], chance: random.Random
) -> None:
    withdrawal = ConsentEvent("ann", END_MS, granted=False, scoring=True)
    history.insert(chance.randint(0, len(history)), withdrawal)
    partner = Partner(log)

    assert "ann" not in interleave(partner, history, END_MS, chance)
    assert "ann" not in partner.gateway
