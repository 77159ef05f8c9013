"""Input events as plain values; None is null. Times are milliseconds since 1970."""

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What every input has; ``kafka_ms`` is the record's timestamp, ``id_hash`` 40 bits."""

    user: str
    at_ms: int
    kafka_ms: int
    id_hash: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent(Event):
    """A grant or withdrawal."""

    action: ConsentAction
    scope: Scope
    expires_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment(Event):
    """A payment; ``account`` is the hash of the account's id."""

    kind: PaymentKind
    due_ms: int | None = None
    account: int | None = None
    balance_minor: int | None = None
    limit_minor: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumption(Event):
    """Something done at a shop."""

    kind: ConsumptionKind
    category: Category


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation(Event):
    """A step in the life of a contract; ``contract`` is its hash."""

    contract: int
    status: ObligationStatus
    amount_minor: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile(Event):
    """What happened to a personal attribute."""

    attribute: Attribute
    status: AttributeStatus
    since_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Relationship(Event):
    """One side's word on a link."""

    other: str
    action: RelationshipAction


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerSignal(Event):
    """What a linked person's partition reports; ``other`` is its sender."""

    other: str
    active: bool
    base_score: int | None = None
    wants_reply: bool = False
    erased: bool = False
