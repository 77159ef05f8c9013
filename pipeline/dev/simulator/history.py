"""A simulated history: the events of every topic by column, and the hidden truth."""

from dataclasses import dataclass

import numpy as np

from pipeline import topics
from pipeline.codec.hashing import ACCOUNT_BITS, EVENT_ID_BITS, hash_all, within_partners
from pipeline.dev.simulator import texts
from pipeline.dev.simulator.consents import consents
from pipeline.dev.simulator.consumption import consumption
from pipeline.dev.simulator.draws import Column, Stage, Table, month_bounds
from pipeline.dev.simulator.obligations import PARTNERS, obligations
from pipeline.dev.simulator.payments import payments
from pipeline.dev.simulator.population import Float, Population, populate
from pipeline.dev.simulator.profiles import profiles
from pipeline.dev.simulator.relationships import relationships
from pipeline.dev.simulator.spec import Spec
from pipeline.factors import columns
from pipeline.factors.columns import Bool, Int32, Int64, UInt32, UInt64
from pipeline.topics import Topic

TOPICS = (
    topics.CONSENTS,
    topics.PAYMENTS,
    topics.CONSUMPTION,
    topics.OBLIGATIONS,
    topics.PROFILES,
    topics.RELATIONSHIPS,
)
_LETTERS = dict(zip(TOPICS, "cpsofr", strict=True))


@dataclass(frozen=True, slots=True)
class Events:
    """One topic's events by event time, columns of equal length.

    ``user`` indexes into the history's users. ``fields`` holds the record's further fields
    by name: enums as their codes, times and amounts as int64 with NO_TIME and NO_AMOUNT for
    null, texts as numbers that ``pipeline.dev.simulator.records`` spells out.
    """

    topic: Topic
    tag: str
    user: Int32
    occurred_at_ms: Int64
    fields: Table

    def __len__(self) -> int:
        """The number of events."""
        return len(self.user)

    def event_ids(self, start: int = 0, stop: int | None = None) -> texts.Ascii:
        """Unique over topics and specs: the spec's tag, the topic's letter, a number."""
        prefix = f"{self.tag}-{_LETTERS[self.topic]}"
        last = len(self) if stop is None else stop
        return texts.numbered(prefix, np.arange(start, last, dtype=np.int64))

    def contract_ids(self, numbers: Column) -> texts.Ascii:
        """The ids of contracts, from the numbers in obligations' ``contract_id``."""
        return texts.numbered(f"{self.tag}-k", numbers.astype(np.int64))

    def account_ids(self, numbers: Column) -> texts.Ascii:
        """The ids of credit accounts, from payments' ``account_id``; garbage for -1, null."""
        return texts.numbered("account-", numbers.astype(np.int64))


@dataclass(frozen=True, slots=True)
class History:
    """Everything that happened, by topic, and what nobody is told about the people."""

    spec: Spec
    people: Population
    events: dict[Topic, Events]

    @property
    def users(self) -> list[str]:
        """Everybody's id; ``Events.user`` indexes into it."""
        return self.people.users

    @property
    def propensity(self) -> Float:
        """The hidden propensity, standard normal, higher is better: the truth to rank by."""
        return self.people.propensity

    @property
    def default_12m(self) -> Bool:
        """Whether each person defaults within twelve months after the history."""
        return self.people.default_12m

    def __len__(self) -> int:
        """The number of events of all topics."""
        return sum(len(events) for events in self.events.values())

    def as_columns(self, topic: Topic) -> columns.EventColumns:
        """A topic's events as the folds take them; ``user`` indexes into ``users``."""
        return _AS_COLUMNS[topic](self, self.events[topic])


def simulate(spec: Spec) -> History:
    """Draw a population and its history; equal specs give equal ones.

    Each topic has its own stream of random numbers, so a change in one leaves the others.
    """
    bounds = month_bounds(spec.end_ms, spec.months)
    streams = [np.random.default_rng(s) for s in np.random.SeedSequence(spec.seed).spawn(7)]
    people = populate(spec, int(bounds[0]), streams[0])
    stages = [Stage(people, bounds, rng, spec.intensity) for rng in streams[1:]]
    tables = (
        consents(stages[0], spec.withdrawal_rate, spec.return_rate),
        payments(stages[1]),
        consumption(stages[2]),
        obligations(stages[3]),
        profiles(stages[4]),
        relationships(stages[5]),
    )
    return History(
        spec,
        people,
        {topic: _events(topic, spec.tag, t) for topic, t in zip(TOPICS, tables, strict=True)},
    )


def _events(topic: Topic, tag: str, table: Table) -> Events:
    fields = {k: v for k, v in table.items() if k not in ("user", "occurred_at_ms")}
    return Events(topic, tag, table["user"], table["occurred_at_ms"], fields)


def _common(events: Events) -> tuple[Int32, Int64, UInt64]:
    return events.user, events.occurred_at_ms, hash_all(events.event_ids().tolist(), EVENT_ID_BITS)


def _consents(_: History, events: Events) -> columns.ConsentColumns:
    f = events.fields
    return columns.ConsentColumns(*_common(events), f["action"], f["scope"], f["expires_at"])


def _payments(_: History, events: Events) -> columns.PaymentColumns:
    f = events.fields
    known, place = np.unique(f["account_id"], return_inverse=True)
    hashes = hash_all(events.account_ids(known).tolist(), ACCOUNT_BITS)
    hashes = np.where(known < 0, 0, hashes)
    account: UInt32 = hashes.astype(np.uint32)[place]
    return columns.PaymentColumns(
        *_common(events), f["kind"], f["due_at"], account, f["balance_minor"], f["limit_minor"]
    )


def _consumption(_: History, events: Events) -> columns.ConsumptionColumns:
    return columns.ConsumptionColumns(
        *_common(events), events.fields["kind"], events.fields["category"]
    )


def _obligations(_: History, events: Events) -> columns.ObligationColumns:
    f = events.fields
    names = [name.encode() for name in PARTNERS]
    partners = [names[partner] for partner in f["partner_id"].tolist()]
    contracts = within_partners(partners, events.contract_ids(f["contract_id"]).tolist())
    return columns.ObligationColumns(
        events.user,
        events.occurred_at_ms,
        hash_all(within_partners(partners, events.event_ids().tolist()), EVENT_ID_BITS),
        hash_all(contracts),
        f["status"],
        f["amount_minor"],
    )


def _profiles(_: History, events: Events) -> columns.ProfileColumns:
    f = events.fields
    return columns.ProfileColumns(*_common(events), f["attribute"], f["status"], f["since"])


def _relationships(history: History, events: Events) -> columns.RelationshipColumns:
    other = np.array(history.users, dtype=object)[events.fields["other_user_id"]]
    return columns.RelationshipColumns(*_common(events), other, events.fields["action"])


_AS_COLUMNS = {
    topics.CONSENTS: _consents,
    topics.PAYMENTS: _payments,
    topics.CONSUMPTION: _consumption,
    topics.OBLIGATIONS: _obligations,
    topics.PROFILES: _profiles,
    topics.RELATIONSHIPS: _relationships,
}
