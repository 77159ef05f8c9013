"""The topics of the pipeline: records, keys, policies, who writes and who reads.

The one place they are named; the app, the topic command, access rules and the API
description all come from here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

DAY_MS = 86_400_000
RECORD_BYTES_MAX = 1_048_588
"""Kafka's own default of ``max.message.bytes``."""
DEAD_LETTER_BYTES_MAX = 2 * RECORD_BYTES_MAX
"""A dead letter is the whole record and its headers."""
PARTNER_TOMBSTONE_MS = 7 * DAY_MS
_CLOCK_AHEAD_MAX_MS = 3_600_000
"""How far a producer's clock may be ahead; event times are held against record timestamps."""

_COMPACTION = {
    # Overwritten and erased records are gone with the first record written a day after, however
    # little else is: an open segment is closed by the next record alone.
    "max.compaction.lag.ms": str(DAY_MS),
    "segment.bytes": str(64 * 1024 * 1024),
    "min.cleanable.dirty.ratio": "0.2",
}


class Role(StrEnum):
    """Who may touch a topic."""

    PERSON = "person"
    PRODUCER = "producer"
    PIPELINE = "pipeline"
    GATEWAY = "gateway"
    PARTNER = "partner"
    OPERATOR = "operator"
    """Sends dead letters back to the topics that others than the pipeline write."""


class Cleanup(StrEnum):
    """Kafka's ``cleanup.policy``."""

    DELETE = "delete"
    COMPACT = "compact"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic without its prefix; ``record`` is None where values are not Avro.

    ``control`` topics are folded ahead of data topics; ``retention_ms`` -1 keeps for ever;
    ``tombstone_ms`` is how long a compacted topic still tells that a key is gone.
    """

    name: str
    record: str | None
    cleanup: Cleanup
    retention_ms: int
    writers: frozenset[Role]
    readers: frozenset[Role]
    key: str = "user_id"
    control: bool = False
    bytes_max: int = RECORD_BYTES_MAX
    tombstone_ms: int = DAY_MS

    @property
    def subject(self) -> str:
        """The schema registry's subject of the topic's values."""
        return f"{self.name}-value"

    def config(self) -> dict[str, str]:
        """The topic's Kafka configuration."""
        config = {"cleanup.policy": str(self.cleanup), "max.message.bytes": str(self.bytes_max)}
        if self.cleanup is Cleanup.DELETE:
            config["retention.ms"] = str(self.retention_ms)
            if self.retention_ms >= 0:
                # Whole segments are cut off: an open one may add so much to the retention.
                config["segment.ms"] = str(DAY_MS)
        else:
            config |= _COMPACTION | {"delete.retention.ms": str(self.tombstone_ms)}
        if self.control or Role.PIPELINE in self.readers:
            config["message.timestamp.after.max.ms"] = str(_CLOCK_AHEAD_MAX_MS)
        return config


def _topic(  # noqa: PLR0913 - one argument a column of the table below
    name: str,
    record: str | None,
    days: int,
    writers: set[Role],
    readers: set[Role],
    *,
    key: str = "user_id",
    control: bool = False,
    compact: bool = False,
    bytes_max: int = RECORD_BYTES_MAX,
    tombstone_ms: int = DAY_MS,
) -> Topic:
    return Topic(
        name=name,
        record=record,
        cleanup=Cleanup.COMPACT if compact else Cleanup.DELETE,
        retention_ms=-1 if days < 0 else days * DAY_MS,
        writers=frozenset(writers),
        readers=frozenset(readers),
        key=key,
        control=control,
        bytes_max=bytes_max,
        tombstone_ms=tombstone_ms,
    )


_PIPELINE = {Role.PIPELINE}
_GATEWAY = {Role.GATEWAY}
_OPERATOR = {Role.OPERATOR}
_PRODUCER = {Role.PRODUCER, Role.OPERATOR}

CONSENTS = _topic(
    "consents",
    "Consent",
    -1,
    {Role.PERSON, Role.OPERATOR},
    {Role.PIPELINE, Role.GATEWAY, Role.PERSON},
    control=True,
)
PAYMENTS = _topic("payments", "Payment", 7, _PRODUCER, _PIPELINE)
CONSUMPTION = _topic("consumption", "Consumption", 7, _PRODUCER, _PIPELINE)
OBLIGATIONS = _topic("obligations", "Obligation", 7, _PRODUCER | _GATEWAY, _PIPELINE)
PROFILES = _topic("profiles", "Profile", 7, _PRODUCER, _PIPELINE)
RELATIONSHIPS = _topic("relationships", "Relationship", 7, {Role.PERSON, Role.OPERATOR}, _PIPELINE)
PEER_SIGNALS = _topic("peer-signals", "PeerSignal", 1, _PIPELINE, _PIPELINE)
SCORES = _topic(
    "scores", "Score", -1, _PIPELINE, {Role.GATEWAY, Role.PERSON, Role.PIPELINE}, compact=True
)
"""The pipeline itself reads them in a replay only: what is told of people is told on from there."""
SCORE_CHANGES = _topic("score-changes", "Score", 90, _PIPELINE, {Role.PERSON})
DEAD_LETTERS = _topic(
    "dead-letters",
    None,
    30,
    {Role.PIPELINE, Role.GATEWAY},
    _OPERATOR,
    bytes_max=DEAD_LETTER_BYTES_MAX,
)
DEAD_LETTER_REDRIVES = _topic(
    "dead-letter-redrives", None, -1, _OPERATOR, _OPERATOR, key="letter", compact=True
)
"""Which dead letters were sent back to their topics; the keys are their places."""
CHANGELOG = _topic("factor-state-changelog", None, -1, _PIPELINE, _PIPELINE, compact=True)
JOURNAL = _topic(
    "factor-state-journal",
    None,
    7,
    _PIPELINE,
    _PIPELINE,
    key="position",
    bytes_max=DEAD_LETTER_BYTES_MAX,
)
"""How the inputs were cut into transactions; kept as long as the data topics."""
GENERATIONS = _topic(
    "factor-state-generations", None, -1, _PIPELINE, _PIPELINE, key="partition", compact=True
)
"""Which generation of the changelog holds a partition's state; see `changelog_of`."""
DISCLOSURES = _topic("disclosures", "Disclosed", 365, _GATEWAY, {Role.PERSON})
GATEWAY_INBOX = _topic("gateway-inbox", None, 7, _GATEWAY, _GATEWAY, key="subject")
GATEWAY_CHANGELOG = _topic("gateway-changelog", None, -1, _GATEWAY, _GATEWAY, compact=True)

INPUTS = (CONSENTS, PAYMENTS, CONSUMPTION, OBLIGATIONS, PROFILES, RELATIONSHIPS, PEER_SIGNALS)
"""What the ingest agent consumes, control topics first."""
OUTPUTS = (SCORES, SCORE_CHANGES, DEAD_LETTERS, PEER_SIGNALS, CHANGELOG, JOURNAL)
GATEWAY_INPUTS = (CONSENTS, SCORES, GATEWAY_INBOX)
"""What the gateway's agent consumes, control topics first."""
ALL = (
    *INPUTS,
    SCORES,
    SCORE_CHANGES,
    DEAD_LETTERS,
    DEAD_LETTER_REDRIVES,
    CHANGELOG,
    JOURNAL,
    GENERATIONS,
    DISCLOSURES,
    GATEWAY_INBOX,
    GATEWAY_CHANGELOG,
)


GENERATIONS_STEM = f"{CHANGELOG.name}.g"
"""What the name of every later generation of the changelog begins with."""


def changelog_of(generation: int) -> Topic:
    """The changelog of a generation: the first was there from the start, replays make the others.

    >>> changelog_of(1).name, changelog_of(2).name
    ('factor-state-changelog', 'factor-state-changelog.g2')
    """
    if generation == 1:
        return CHANGELOG
    return replace(CHANGELOG, name=f"{GENERATIONS_STEM}{generation}")


def generation_of(name: str) -> int | None:
    """The generation whose changelog has this name; None: it is no changelog's.

    >>> generation_of("factor-state-changelog.g12"), generation_of("scores")
    (12, None)
    """
    if name == CHANGELOG.name:
        return 1
    match = re.fullmatch(re.escape(GENERATIONS_STEM) + r"([1-9]\d*)", name)
    return int(match[1]) if match else None


def partner_scores(partner_id: str) -> Topic:
    """The topic one partner reads its people's scores from."""
    return _topic(
        f"partner.{partner_id}.scores",
        "PartnerScore",
        -1,
        {Role.GATEWAY},
        {Role.PARTNER},
        key="subject",
        compact=True,
        # A partner that was away for less than this still learns of every withdrawal.
        tombstone_ms=PARTNER_TOMBSTONE_MS,
    )


def partner_outcomes(partner_id: str) -> Topic:
    """The topic one partner reports its contracts' outcomes to."""
    return _topic(
        f"partner.{partner_id}.outcomes",
        "PartnerOutcome",
        30,
        {Role.PARTNER, Role.OPERATOR},
        _GATEWAY,
        key="subject",
    )


def partner_enquiries(partner_id: str) -> Topic:
    """The topic one partner tells on about whom it decides."""
    return _topic(
        f"partner.{partner_id}.enquiries",
        "PartnerEnquiry",
        30,
        {Role.PARTNER, Role.OPERATOR},
        _GATEWAY,
        key="subject",
    )


def for_partners(partner_ids: list[str]) -> Iterator[Topic]:
    """All topics of each partner."""
    for partner_id in partner_ids:
        yield partner_scores(partner_id)
        yield partner_outcomes(partner_id)
        yield partner_enquiries(partner_id)
