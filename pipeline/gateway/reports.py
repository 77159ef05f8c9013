"""What partners report, where it is read first: checked, and sent on to the person's lane."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pipeline import topics
from pipeline.codec.murmur import partition_of
from pipeline.codec.partner_reads import Reads, decode_enquiries, decode_outcomes
from pipeline.codec.reasons import Reason
from pipeline.codec.registry import SchemaRegistry
from pipeline.gateway.changes import Changes
from pipeline.gateway.context import GatewayContext
from pipeline.gateway.letters import NOT_GRANTED, Origin, refuse
from pipeline.streaming.records import Record
from pipeline.topics import DAY_MS, Topic

FUTURE_MS_MAX = DAY_MS
"""How far a report may be ahead of its Kafka timestamp."""

REPORT_BYTES_MAX = 64 * 1024
"""Of a report's key, value and carried headers: a good one is far below, and it is sent on."""

_Decode = Callable[[Topic, Sequence[bytes | None], Sequence[bytes | None], SchemaRegistry], Reads]
_KINDS: dict[str, tuple[Callable[[str], Topic], _Decode]] = {
    "outcomes": (topics.partner_outcomes, decode_outcomes),
    "enquiries": (topics.partner_enquiries, decode_enquiries),
}


def report_of(topic: str) -> tuple[str, str] | None:
    """The partner whose topic it is and the kind of report in it; None for other topics."""
    parts = topic.split(".")
    if len(parts) != 3 or parts[0] != "partner" or parts[2] not in _KINDS:  # noqa: PLR2004 - partner.<id>.<kind>
        return None
    return parts[1], parts[2]


def forward(
    topic: str, records: Sequence[Record], context: GatewayContext, changes: Changes
) -> None:
    """Check a partition's reports and send the good ones on, byte for byte.

    Args:
        topic: A partner's, without the prefix.
        records: Consecutive records of the context's partition.
        context: Tells forged subjects from ours.
        changes: Takes what is sent on, and what is refused.
    """
    origins = [Origin.of(topic, context.partition, record) for record in records]
    kind = topic.rpartition(".")[2]
    for origin, row in good(topic, origins, context, changes):
        if origin.size > REPORT_BYTES_MAX:
            large = f"{origin.size} bytes are more than the {REPORT_BYTES_MAX} of a report"
            refuse(origin, Reason.INVALID, large, context, changes)
            continue
        if row["occurred_at"] > origin.timestamp_ms + FUTURE_MS_MAX:
            ahead = "event time is more than 24 h ahead of the record's timestamp"
            refuse(origin, Reason.FUTURE, ahead, context, changes)
            continue
        route = context.keyring.route(row["subject"])
        if route is None:
            forged = f"{NOT_GRANTED}there never was such a subject"
            refuse(origin, Reason.INVALID, forged, context, changes)
            continue
        message = (origin.key, origin.value, origin.headers())
        changes.inbox.append((partition_of(route, context.partitions), message))
        changes.counts.records[kind, "forwarded"] += 1


def good(
    topic: str, origins: Sequence[Origin], context: GatewayContext, changes: Changes
) -> Iterator[tuple[Origin, dict[str, Any]]]:
    """The records that follow the contract, in order; the others go to the dead letters."""
    partner_id, kind = report_of(topic) or ("", "")
    topic_of, decode = _KINDS[kind]
    keys, values = [origin.key for origin in origins], [origin.value for origin in origins]
    reads = decode(topic_of(partner_id), keys, values, context.registry)
    for poison in reads.poison:
        refuse(origins[poison.index], poison.reason, poison.error, context, changes)
    for at, row in zip(reads.kept.tolist(), reads.rows, strict=True):
        yield origins[at], row
