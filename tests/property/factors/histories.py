"""Random histories: made from a seed, so that thousands of them take seconds."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pipeline.factors.vocabulary import (
    Attribute,
    AttributeStatus,
    Category,
    ConsentAction,
    ConsumptionKind,
    ObligationStatus,
    PaymentKind,
    RelationshipAction,
    Scope,
)
from pipeline.reference.events import (
    Consent,
    Consumption,
    Event,
    Obligation,
    Payment,
    PeerSignal,
    Profile,
    Relationship,
)

DAY_MS = 86_400_000
START_MS = 1_709_164_800_000  # 29 February 2024
DATA_SCOPES = tuple(Scope)[:6]


@dataclass(frozen=True, slots=True)
class Shape:
    """What kind of history: few ids make repeats, few contracts and accounts make clashes."""

    people: int = 3
    ids: int = 40
    accounts: int = 3
    contracts: int = 3
    peers: int = 4
    stride_days: float = 2.0  # how far time goes on between events
    jitter_days: float = 20.0  # how far behind it an event may lie
    jump_months: int = 30  # now and then time leaps so far
    withdrawals: float = 0.25
    erasures: float = 0.1  # of peers, among their signals
    kinds: tuple[type[Event], ...] = (
        Consent,
        Payment,
        Consumption,
        Obligation,
        Profile,
        Relationship,
        PeerSignal,
    )


class Historian:
    """Makes events one after the other."""

    def __init__(self, seed: int, shape: Shape) -> None:
        self.rng = random.Random(seed)
        self.shape = shape
        self.now_ms = START_MS + self.rng.randrange(0, 700 * DAY_MS)
        self.users = [f"u{i}" for i in range(shape.people)]
        self._makers: dict[type[Event], Callable[[dict[str, object]], Event]] = {
            Consent: self._consent,
            Payment: self._payment,
            Consumption: self._consumption,
            Obligation: self._obligation,
            Profile: self._profile,
            Relationship: self._relationship,
            PeerSignal: self._peer_signal,
        }

    def enrolment(self, skipped: float = 0.1) -> list[Event]:
        """Grants of every scope by everybody, but for a few."""
        return [
            Consent(
                user=user,
                at_ms=self.now_ms - 60 * DAY_MS,
                kafka_ms=self.now_ms,
                id_hash=1 + scope,
                action=ConsentAction.GRANT,
                scope=scope,
            )
            for user in self.users
            for scope in DATA_SCOPES
            if self.rng.random() >= skipped
        ]

    def events(self, number: int) -> list[Event]:
        """So many events, in order of arrival."""
        return [self._event() for _ in range(number)]

    def _event(self) -> Event:
        rng, shape = self.rng, self.shape
        if rng.random() < 0.02:
            self.now_ms += rng.randrange(shape.jump_months * 30 * DAY_MS + 1)
        self.now_ms += int(rng.random() * shape.stride_days * DAY_MS)
        at_ms = self.now_ms - int(rng.random() ** 2 * shape.jitter_days * DAY_MS)
        if rng.random() < 0.3:
            at_ms -= at_ms % DAY_MS  # ties
        kafka_ms = self.now_ms
        strange = rng.random()
        if strange < 0.02:
            kafka_ms = at_ms - DAY_MS - rng.choice([-1, 0, 1])
        elif strange < 0.03:
            at_ms = rng.choice([-1, 0, 31 * DAY_MS - 1, 31 * DAY_MS, 2**32 * 1000 - 1])
            kafka_ms = rng.choice([self.now_ms, 2**32 * 1000 + rng.choice([-1, 0])])
        kind = rng.choice(shape.kinds)
        user = rng.choice(self.users)
        head: dict[str, object] = {
            "user": user,
            "at_ms": at_ms,
            "kafka_ms": kafka_ms,
            "id_hash": rng.randint(1, shape.ids),
        }
        return self._makers[kind](head)

    def _consent(self, head: dict[str, object]) -> Event:
        rng = self.rng
        ends = self.now_ms + rng.randrange(-5, 40) * DAY_MS
        withdraws = rng.random() < self.shape.withdrawals
        return Consent(
            **head,  # type: ignore[arg-type]
            action=ConsentAction.WITHDRAW if withdraws else ConsentAction.GRANT,
            scope=rng.choice(tuple(Scope)),
            expires_ms=ends if rng.random() < 0.2 else None,
        )

    def _payment(self, head: dict[str, object]) -> Event:
        rng = self.rng
        late_days = rng.choice([-40, -1, 0, 0, 1, 29, 30, 31, 59, 60, 89, 90, 91, 400])
        at_ms = head["at_ms"]
        assert isinstance(at_ms, int)
        due_ms = at_ms - late_days * DAY_MS + rng.choice([-1, 0, 1])
        return Payment(
            **head,  # type: ignore[arg-type]
            kind=rng.choice(tuple(PaymentKind)),
            due_ms=due_ms if rng.random() < 0.7 else None,
            account=rng.choice([None, *range(1, self.shape.accounts + 1)]),
            balance_minor=rng.choice([None, -5, 0, 1, 999, 10**6, 10**16, 2**63 - 1]),
            limit_minor=rng.choice([None, -1, 0, 1, 1000, 10**6, 10**16, 2**63 - 1]),
        )

    def _consumption(self, head: dict[str, object]) -> Event:
        return Consumption(
            **head,  # type: ignore[arg-type]
            kind=self.rng.choice(tuple(ConsumptionKind)),
            category=self.rng.choice(tuple(Category)),
        )

    def _obligation(self, head: dict[str, object]) -> Event:
        return Obligation(
            **head,  # type: ignore[arg-type]
            contract=2**64 - self.rng.randint(1, self.shape.contracts),
            status=self.rng.choice(tuple(ObligationStatus)),
            amount_minor=self.rng.choice([None, 0, 7, 50_000, 2**32 - 1, 2**40]),
        )

    def _profile(self, head: dict[str, object]) -> Event:
        since = self.now_ms - self.rng.choice([0, 10, 400, 30_000]) * DAY_MS
        return Profile(
            **head,  # type: ignore[arg-type]
            attribute=self.rng.choice(tuple(Attribute)),
            status=self.rng.choice(tuple(AttributeStatus)),
            since_ms=since if self.rng.random() < 0.5 else None,
        )

    def _relationship(self, head: dict[str, object]) -> Event:
        return Relationship(
            **head,  # type: ignore[arg-type]
            other=self._peer(),
            action=self.rng.choices(tuple(RelationshipAction), [3, 1])[0],
        )

    def _peer_signal(self, head: dict[str, object]) -> Event:
        return PeerSignal(
            **head,  # type: ignore[arg-type]
            other=self._peer(),
            active=self.rng.random() < 0.8,
            base_score=self.rng.choice([None, 350, 600, 950]),
            wants_reply=self.rng.random() < 0.3,
            erased=self.rng.random() < self.shape.erasures,
        )

    def _peer(self) -> str:
        return self.rng.choice([*self.users, *(f"péer{i}" for i in range(self.shape.peers))])


def without_repeats(events: Sequence[Event], first_id: int) -> list[Event]:
    """The same events, each with an id of its own."""
    return [replace(event, id_hash=first_id + i) for i, event in enumerate(events)]


def cut(events: Sequence[Event], seed: int, longest: int) -> list[list[Event]]:
    """The events in batches of random length."""
    rng = random.Random(seed)
    batches, at = [], 0
    while at < len(events):
        width = rng.randint(1, longest)
        batches.append(list(events[at : at + width]))
        at += width
    return batches
