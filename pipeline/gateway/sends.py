"""What a batch changed, laid out by topic and partition."""

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from pipeline import topics
from pipeline.codec.murmur import murmur2_all, partitions_of
from pipeline.codec.partner_outputs import encode_obligations
from pipeline.gateway.changes import Changes, Message, Told
from pipeline.gateway.context import GatewayContext
from pipeline.gateway.records import disclosures, partner_scores
from pipeline.gateway.state import GatewayState
from pipeline.gateway.vocabulary import Kind
from pipeline.streaming.flow import Send
from pipeline.streaming.records import Entry
from pipeline.topics import DAY_MS


def lay_out(
    state: GatewayState, changes: Changes, written: Sequence[Entry], context: GatewayContext
) -> list[Send]:
    """All records of a batch.

    A partner's records lie where its subjects hash to, like any producer's: were they where
    the person lives, that number would be one more thing to match people by.

    Args:
        state: Names partners and texts.
        changes: What the batch did.
        written: Its changelog.
        context: Encodes, and knows how many partitions there are.
    """
    own = context.partition
    sends = [_plain(topics.GATEWAY_CHANGELOG, own, written)]
    sends += _partners(state, changes.told, context)
    sends += _disclosures(state, changes.told, context)
    if changes.obligations:
        values = encode_obligations(changes.obligations, context.registry)
        keys = [str(fields["user_id"]).encode() for fields in changes.obligations]
        sends.append(_plain(topics.OBLIGATIONS, own, list(zip(keys, values, strict=True))))
    for partition, messages in _by_partition(changes.inbox):
        sends.append(Send(topics.GATEWAY_INBOX, partition, messages))
    if changes.dead_letters:
        sends.append(Send(topics.DEAD_LETTERS, own, changes.dead_letters))
    return sends


def partner_of(topic: str) -> str | None:
    """The partner whose scores lie in a topic; None for other topics."""
    partner_id = topic.removeprefix("partner.").removesuffix(".scores")
    return partner_id if topic == topics.partner_scores(partner_id).name else None


def _plain(topic: topics.Topic, partition: int, entries: Sequence[Entry]) -> Send:
    return Send(topic, partition, [(key, value, ()) for key, value in entries])


def _by_partition(messages: list[tuple[int, Message]]) -> Iterator[tuple[int, list[Message]]]:
    in_order = sorted(messages, key=lambda pair: pair[0])
    for partition, group in groupby(in_order, key=lambda pair: pair[0]):
        yield partition, [message for _, message in group]


def _partners(state: GatewayState, told: list[Told], context: GatewayContext) -> Iterator[Send]:
    """What goes to partners, and what is taken back, in order for each subject.

    Subjects lie in their own order, which is noise: in the order of people or of grants, the
    records of two partners could be put side by side.
    """
    sent = [chunk for chunk in told if chunk.kind in (Kind.SHOWN, Kind.ENDED)]
    if not sent:
        return
    by_subject = np.concatenate([chunk.subject for chunk in sent])
    subjects = by_subject.tolist()
    partner = np.concatenate([chunk.partner for chunk in sent])
    values = partner_scores(state, sent, context.registry)
    places = partitions_of(murmur2_all(subjects), context.partitions)
    # Stable: what is taken back stays ahead of what comes in its place.
    order = np.lexsort((by_subject, places, partner))
    kinds = np.stack([partner, places])[:, order]
    # To the millisecond, it would be the same at every partner of a person.
    day_ms = context.clock_ms() // DAY_MS * DAY_MS
    starts = np.flatnonzero(np.r_[True, (kinds[:, 1:] != kinds[:, :-1]).any(axis=0)])
    for start, end in zip(starts, [*starts[1:], len(order)], strict=True):
        topic = topics.partner_scores(state.grants.partner_ids[kinds[0, start]])
        records = [(subjects[at], values[at], ()) for at in order[start:end].tolist()]
        yield Send(topic, int(kinds[1, start]), records, day_ms)


def _disclosures(state: GatewayState, told: list[Told], context: GatewayContext) -> list[Send]:
    if not told:
        return []
    values = disclosures(state, told, context.clock_ms(), context.registry)
    keys = [user.encode() for chunk in told for user in chunk.users]
    return [_plain(topics.DISCLOSURES, context.partition, list(zip(keys, values, strict=True)))]
