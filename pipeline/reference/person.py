"""One person as the reference knows them: every accepted event, kept as it came."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from pipeline.factors.layout import RECENT_IDS, RECENT_OBLIGATION_IDS
from pipeline.factors.vocabulary import Attribute, AttributeStatus, RelationshipAction, Scope
from pipeline.reference.events import Consumption, Obligation, Payment

TICK_S = 256


def month_of(at_ms: int) -> int:
    """Months since 1970, by the calendar; times outside 1970-2106 at the nearer end."""
    at_s = min(max(at_ms // 1000, 0), 2**32 - 1)
    at = datetime.fromtimestamp(at_s, UTC)
    return (at.year - 1970) * 12 + at.month - 1


@dataclass(slots=True)
class Memory:
    """The newest event ids: pairs of tick (256 s) and hash, newest first."""

    length: int
    entries: list[tuple[int, int]] = field(default_factory=list)

    def knows(self, id_hash: int) -> bool:
        """Whether the id is remembered."""
        return any(known == id_hash for _, known in self.entries)

    def add(self, at_ms: int, id_hash: int) -> None:
        """Remember an id, and forget the oldest if there are too many."""
        self.entries.append((at_ms // 1000 // TICK_S, id_hash))
        self.entries = sorted(set(self.entries), reverse=True)[: self.length]


@dataclass(slots=True)
class Grant:
    """What decides a scope: the newest record."""

    at_ms: int
    in_force: bool
    ends_ms: int | None = None


@dataclass(slots=True)
class Contract:
    """The steps of one contract that are still kept; opening and breach in seconds."""

    opened: tuple[int, int] | None = None  # when, amount
    fulfilled_s: int | None = None
    breached_s: int | None = None
    dispute: tuple[int, int] | None = None  # when in ms, status

    @property
    def open(self) -> bool:
        """Opened, and not breached."""
        return self.opened is not None and self.breached_s is None


@dataclass(slots=True)
class Link:
    """Both sides of a link; ``peer`` is None while the peer is not active, else its score."""

    said: tuple[int, RelationshipAction] | None = None
    peer_active: bool = False
    peer_base: int | None = None

    @property
    def confirmed(self) -> bool:
        """The person's own side stands."""
        return self.said is not None and self.said[1] == RelationshipAction.CONFIRM


@dataclass(slots=True)
class Person:
    """Everything known of one person."""

    grants: dict[Scope, Grant] = field(default_factory=dict)
    payments: list[Payment] = field(default_factory=list)
    payment_ids: Memory = field(default_factory=lambda: Memory(RECENT_IDS))
    consumption: list[Consumption] = field(default_factory=list)
    consumption_ids: Memory = field(default_factory=lambda: Memory(RECENT_IDS))
    obligations: list[Obligation] = field(default_factory=list)
    obligation_ids: Memory = field(default_factory=lambda: Memory(RECENT_OBLIGATION_IDS))
    contracts: dict[int, Contract] = field(default_factory=dict)
    attributes: dict[Attribute, tuple[int, AttributeStatus, int]] = field(default_factory=dict)
    profiles_newest_s: int = 0
    links: dict[str, Link] = field(default_factory=dict)
    relationships_newest_s: int = 0

    def grants_both(self, scope: Scope) -> bool:
        """Whether scoring and ``scope`` are in force."""
        return self.in_force(Scope.SCORING) and self.in_force(scope)

    def in_force(self, scope: Scope) -> bool:
        """Whether a scope is granted."""
        grant = self.grants.get(scope)
        return grant is not None and grant.in_force

    def forget(self, scope: Scope) -> None:
        """Drop what a factor's scope covers."""
        fresh = Person()
        names = {
            Scope.CREDIT_HISTORY: ("payments", "payment_ids"),
            Scope.BEHAVIOUR: ("consumption", "consumption_ids"),
            Scope.FULFILMENT: ("obligations", "obligation_ids", "contracts"),
            Scope.IDENTITY: ("attributes", "profiles_newest_s"),
            Scope.SOCIAL: ("links", "relationships_newest_s"),
        }
        for name in names[scope]:
            setattr(self, name, getattr(fresh, name))
