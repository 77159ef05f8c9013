"""Events whose answer can be told: each changes its person's score in a way of its own.

Unchanged scores are not published, and one score record may answer many events, so the events of
a load cannot all be matched to records. Probes can. A probe is a repayment that sets the balance
of the person's one credit account, in turn to each of five shares of the limit. The model gives
each share other points, so each probe changes the score, and the record's points say which of
the last five probes it carries:

    balance, of the limit    5 %   15 %   27 %   45 %   80 %    5 % ...
    probe of the person        0      1      2      3      4      5

The first record that carries a probe or a later one of the same person answers it. A person has
a probe in flight for as long as it takes to be answered; five at once could not be told apart and
are refused.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from pipeline import topics
from pipeline.codec.encode import decode_record, encode_columns, encode_records
from pipeline.codec.registry import SchemaRegistry
from pipeline.dev.bench.population import KAFKA_MS, Record, Replay
from pipeline.dev.bench.workload import END_MS
from pipeline.dev.simulator.bad import Sent
from pipeline.dev.simulator.consents import NOTICES
from pipeline.errors import SesameError
from pipeline.factors.vocabulary import PaymentKind

PARTNER_ID, PURPOSE = "microloan", "MICROLOAN"
"""A partner that may be shown the score itself."""
SHARES = (0.05, 0.15, 0.27, 0.45, 0.80)
"""Used shares of the limit: one within each attribute of the model."""
LEVELS = len(SHARES)
_LIMIT_MINOR = 100_000
_DAY_MS = 86_400_000
_EARLIER_MS = tuple(END_MS - days * _DAY_MS for days in (70, 40, 10))
"""Months with a payment: a file with fewer is thin."""
_CREDIT_HISTORY = "CREDIT_HISTORY"


class ProbeError(SesameError):
    """Probes whose answers cannot be told."""


class NotSustainedError(SesameError):
    """Probes were not answered as fast as they came."""


@dataclass(frozen=True, slots=True)
class People:
    """So many people who probe; ``users`` by name."""

    users: list[str]

    @classmethod
    def of(cls, number: int) -> "People":
        """People of these names, of whom no simulation knows."""
        return cls([f"probe-{i:06d}" for i in range(number)])

    def consents(self, registry: SchemaRegistry) -> Iterator[Sent]:
        """Everybody's consent to a score of credit history, shown to one partner."""
        for user in self.users:
            values = encode_records(topics.CONSENTS.subject, _consents(user), registry)
            for value in values:
                yield Sent(topics.CONSENTS, user.encode(), value)

    def past(self, registry: SchemaRegistry) -> list[Sent]:
        """What makes their files thick: a payment in each of three months."""
        return [
            sent
            for number, at_ms in enumerate(_EARLIER_MS)
            for sent in _payments(
                self.users, [f"past-{number}"] * len(self.users), [at_ms] * len(self.users),
                [SHARES[-1]] * len(self.users), registry,
            )
        ]  # fmt: skip

    def turn(self, registry: SchemaRegistry) -> list[Sent]:
        """A payment of everybody that begins the probes' month and leaves the balance as it is.

        Their partitions enter the month with it, and everybody there is scored again.
        """
        n = len(self.users)
        return _payments(
            self.users, ["turn-of-month"] * n, [END_MS] * n, [SHARES[-1]] * n, registry
        )

    def probes(self, start: int, stop: int, registry: SchemaRegistry) -> list[Sent]:
        """The probes of these numbers; everybody in turn, a second of event time between."""
        turns = [number // len(self.users) for number in range(start, stop)]
        users = [self.users[number % len(self.users)] for number in range(start, stop)]
        return _payments(
            users,
            [f"turn-{turn}" for turn in turns],
            [END_MS + 1_000 * (turn + 1) for turn in turns],
            [SHARES[turn % LEVELS] for turn in turns],
            registry,
        )


def _consents(user: str) -> list[dict[str, Any]]:
    common = {
        "user_id": user,
        "occurred_at": _EARLIER_MS[0],
        "action": "GRANT",
        "partner_id": None,
        "purpose": None,
        "disclosure": None,
        "expires_at": None,
        "notice_version": NOTICES[0],
    }
    partner = {"partner_id": PARTNER_ID, "purpose": PURPOSE, "disclosure": "SCORE"}
    return [
        common | {"event_id": f"{user}-scoring", "scope": "SCORING"},
        common | {"event_id": f"{user}-history", "scope": _CREDIT_HISTORY},
        common | partner | {"event_id": f"{user}-partner", "scope": "PARTNER"},
    ]


def _payments(
    users: Sequence[str],
    names: Sequence[str],
    at_ms: Sequence[int],
    shares: Sequence[float],
    registry: SchemaRegistry,
) -> list[Sent]:
    n = len(users)
    columns = {
        "event_id": pa.array([f"{u}-{name}" for u, name in zip(users, names, strict=True)]),
        "user_id": pa.array(users, pa.string()),
        "occurred_at": pa.array(at_ms, pa.int64()),
        "kind": pa.array([PaymentKind.REPAYMENT.value] * n, pa.int64()),
        "amount_minor": pa.array([100] * n, pa.int64()),
        "currency": pa.array(["EUR"] * n),
        "due_at": pa.nulls(n, pa.int64()),
        "account_id": pa.array([f"account-{user}" for user in users]),
        "balance_minor": pa.array([round(_LIMIT_MINOR * s) for s in shares], pa.int64()),
        "limit_minor": pa.array([_LIMIT_MINOR] * n, pa.int64()),
    }
    values = encode_columns("Payment", columns, registry.id_of(topics.PAYMENTS.subject))
    return [
        Sent(topics.PAYMENTS, user.encode(), value)
        for user, value in zip(users, values, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Answers:
    """Which level a record shows: by the points of credit history, and by the score."""

    by_points: Mapping[int, int]
    by_score: Mapping[int, int]

    def of_score(self, record: Mapping[str, Any]) -> int | None:
        """The level a Score record shows; None where it shows none."""
        points = next(f["points"] for f in record["factors"] if f["factor"] == _CREDIT_HISTORY)
        return None if record["score"] is None else self.by_points.get(points)

    def of_partner_score(self, record: Mapping[str, Any]) -> int | None:
        """The level a PartnerScore record shows; None where it shows none."""
        return self.by_score.get(record["score"])


def expected_answers(replay: Replay) -> Answers:
    """What the worker's own steps say of a person at each level.

    Raises:
        ProbeError: The model does not tell the levels apart.
    """
    registry = replay.context.registry
    person = People.of(1)
    setup = list(person.consents(registry))
    by_points: dict[int, int] = {}
    by_score: dict[int, int] = {}
    _apply(replay, setup)
    _apply(replay, person.past(registry))
    _apply(replay, person.turn(registry))
    for turn, probe in enumerate(person.probes(0, LEVELS, registry)):
        record = _apply(replay, [probe])
        points = next(f["points"] for f in record["factors"] if f["factor"] == _CREDIT_HISTORY)
        by_points[points], by_score[record["score"]] = turn, turn
    if len(by_points) < LEVELS or len(by_score) < LEVELS or None in by_score:
        raise ProbeError("the model does not give each of the probes' balances a score of its own")
    return Answers(by_points, by_score)


def _apply(replay: Replay, sent: Sequence[Sent]) -> dict[str, Any]:
    """Apply records, all of one topic; the last score that follows."""
    records = [Record(n, KAFKA_MS, one.key, one.value) for n, one in enumerate(sent)]
    scores = replay.apply({sent[0].topic.name: records})
    return decode_record(scores[-1][1] or b"", replay.context.registry) if scores else {}


@dataclass(slots=True)
class Matcher:
    """Probes in flight by person, each with its intended time; times in nanoseconds."""

    latencies: dict[int, int] = field(default_factory=dict)
    """By number of the probe, from its intended send to the first record that carries it."""
    _in_flight: dict[str, deque[tuple[int, int, int]]] = field(default_factory=dict)

    def sent(self, user: str, turn: int, number: int, intended_ns: int) -> None:
        """Note a probe: the person's ``turn``-th, the ``number``-th of all."""
        self._in_flight.setdefault(user, deque()).append((turn, number, intended_ns))

    def arrived(self, user: str, level: int, at_ns: int) -> None:
        """Note a record of a person; the probes that it carries are answered.

        Raises:
            NotSustainedError: So many probes of the person were in flight that it may be either's.
        """
        waiting = self._in_flight.get(user, deque())
        sent = [turn for turn, _, intended_ns in waiting if intended_ns <= at_ns]
        if len(sent) >= LEVELS:
            raise NotSustainedError(f"{len(sent)} probes of {user} were in flight at once")
        carried = next((turn for turn in sent if turn % LEVELS == level), None)
        while carried is not None and waiting and waiting[0][0] <= carried:
            _, number, intended_ns = waiting.popleft()
            self.latencies[number] = at_ns - intended_ns

    @property
    def unanswered(self) -> int:
        """Probes that no record has carried yet."""
        return sum(map(len, self._in_flight.values()))
