"""Where a person can be found: which records of which topics concern them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from pipeline import topics
from pipeline.codec.encode import decode_record
from pipeline.codec.registry import SchemaRegistry, UnknownSchemaError
from pipeline.codec.translate import DecodeError
from pipeline.codec.wire import WireFormatError
from pipeline.factors import links
from pipeline.gateway import changelog as gateway
from pipeline.gateway.rows import KEEP_MS
from pipeline.streaming import changelog as state
from pipeline.topics import Topic

OTHERS_LINKS = "links of others"
NAMED = "named by others"
ENROLMENT = "enrolment"
STATE_TABLES = {
    state.ROW: "factor row",
    state.LEDGER: "ledger",
    state.CONTRACTS: "contracts",
    state.LINKS: "links",
}
_GATEWAY_TABLES = {
    gateway.GRANT: "grant",
    gateway.CONTRACTS: "open contracts",
    gateway.ALIASES: "former subjects",
}
_NAMING = (topics.RELATIONSHIPS, topics.PEER_SIGNALS)
_KEYED = (
    topics.CONSENTS,
    topics.PAYMENTS,
    topics.CONSUMPTION,
    topics.OBLIGATIONS,
    topics.PROFILES,
    topics.RELATIONSHIPS,
    topics.PEER_SIGNALS,
    topics.SCORES,
    topics.SCORE_CHANGES,
)


@dataclass(frozen=True, slots=True)
class Hit:
    """That a record concerns the person.

    ``value`` is None where it is a tombstone or concerns them no longer; ``others`` that the
    key is somebody else's; ``keep`` that the value is still to be looked at.
    """

    table: str
    value: bytes | None
    others: bool = False
    keep: bool = False


Match = Callable[[bytes, bytes | None], Hit | None]
"""Looks at a record's key and value."""


@dataclass(frozen=True, slots=True)
class Search:
    """A topic to look through; ``everywhere``: not in the person's own partitions alone."""

    topic: Topic
    match: Match
    everywhere: bool = False


@dataclass(slots=True)
class Sought:
    """A person, and the subjects they are known by, as they come to light."""

    user: str
    registry: SchemaRegistry
    subjects: set[bytes] = field(default_factory=set)
    partners: set[str] = field(default_factory=set)
    _linked: set[bytes] = field(default_factory=set)

    @property
    def key(self) -> bytes:
        """The key of the person's records."""
        return self.user.encode()

    def states(self, changelogs: Sequence[Topic]) -> Iterator[Search]:
        """The state, of every generation, and the gateway's; then what tells of subjects."""
        for topic in changelogs:
            yield Search(topic, self._in_state, everywhere=True)
        yield Search(topics.GATEWAY_CHANGELOG, self._in_gateway)
        yield Search(topics.DISCLOSURES, self._in_disclosures)

    def logs(self) -> Iterator[Search]:
        """Everything else, once the subjects are known."""
        for topic in _KEYED:
            naming = topic in _NAMING
            match = self._naming(topic) if naming else self._keyed(topic)
            yield Search(topic, match, everywhere=naming)
        yield Search(topics.GATEWAY_INBOX, self._of_subject("report on its way"))
        yield Search(topics.DEAD_LETTERS, self._in_letters, everywhere=True)
        for topic in topics.for_partners(sorted(self.partners)):
            match = self._of_subject(topic.record or "")
            # Under pseudonyms, whose partition says nothing of the person's.
            yield Search(topic, match, everywhere=True)

    def _in_state(self, key: bytes, value: bytes | None) -> Hit | None:
        table = STATE_TABLES.get(key[:1])
        if table is None:
            return None
        if key[1:] == self.key:
            return Hit(table, value)
        if key[:1] != state.LINKS:
            return None
        return self._in_links(key, value)

    def _in_links(self, key: bytes, value: bytes | None) -> Hit | None:
        # Most lists name somebody else: that much is told without unpacking them.
        names = value is not None and self.key in value and self.user in _links(value)
        if names:
            self._linked.add(key)
        elif key not in self._linked:
            return None
        return Hit(OTHERS_LINKS, value if names else None, others=True)

    def _in_gateway(self, key: bytes, value: bytes | None) -> Hit | None:
        if key == gateway.PERSON + self.key:
            return Hit(ENROLMENT, value)
        table = _GATEWAY_TABLES.get(key[:1])
        if table is None or key[1:].split(b"\0", 2)[2:] != [self.key]:
            return None
        self.partners.add(key[1:].split(b"\0", 1)[0].decode())
        if value is not None:
            self.subjects.update(_subjects(key[:1], value))
        return Hit(table, value)

    def _in_disclosures(self, key: bytes, value: bytes | None) -> Hit | None:
        if key != self.key:
            return None
        told = self._fields(value)
        if "subject" in told:
            self.subjects.add(told["subject"].encode())
            self.partners.add(told["partner_id"])
        return Hit("Disclosed", value)

    def _keyed(self, topic: Topic) -> Match:
        table = topic.record or topic.name
        keep = topic is topics.CONSENTS
        return lambda key, value: Hit(table, value, keep=keep) if key == self.key else None

    def _naming(self, topic: Topic) -> Match:
        table = topic.record or topic.name

        def match(key: bytes, value: bytes | None) -> Hit | None:
            if key == self.key:
                return Hit(table, value)
            if value is None or self.key not in value:
                return None
            named = self._fields(value).get("other_user_id") == self.user
            return Hit(NAMED, value, others=True) if named else None

        return match

    def _of_subject(self, table: str) -> Match:
        return lambda key, value: Hit(table, value) if key in self.subjects else None

    def _in_letters(self, key: bytes, value: bytes | None) -> Hit | None:
        # A letter without a value is one all the same.
        ours = key == self.key or key in self.subjects
        return Hit("dead letter", value or b"") if ours else None

    def _fields(self, value: bytes | None) -> dict[str, str]:
        try:
            return {} if value is None else decode_record(value, self.registry)
        except (WireFormatError, UnknownSchemaError, DecodeError):
            return {}


def changelogs(names: set[str]) -> list[Topic]:
    """The changelogs of the state among topics' names, those of former generations too."""
    numbers = {topics.generation_of(name) for name in names} - {None}
    return [topics.changelog_of(number) for number in sorted(n for n in numbers if n is not None)]


def memory_until_ms(value: bytes) -> int:
    """When the gateway forgets that somebody left, by its row of the person; ms."""
    rows, _ = gateway.PERSON_ROWS.read([value])
    return int(rows["cut_seen_ms"][0]) + KEEP_MS


def _links(value: bytes) -> links.Links:
    return links.unpack(state.LINK_LISTS.read(value)[0])


def _subjects(kind: bytes, value: bytes) -> list[bytes]:
    if kind == gateway.GRANT:
        rows, _ = gateway.GRANT_ROWS.read([value])
        return [subject for subject in rows["subject"].tolist() if subject]
    if kind == gateway.ALIASES:
        return gateway.unpack_aliases(gateway.ALIAS_LISTS.read(value)[0])
    return []
