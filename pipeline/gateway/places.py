"""What a lane's position keeps of partners' topics, held against the topics that are there.

A partner whose topic of scores is missing, or is another than the one that was written to, is
left out for a while: all that was shown to it is taken back, and shown anew, each sequence from
1, in the topic that is there by then.
"""

from collections.abc import Collection, Mapping

from pipeline.gateway.terms import Terms
from pipeline.streaming.position import Position
from pipeline.topics import partner_scores

_GONE = ""
"""Stands for the id of a topic that was missing when all was taken back."""


def know(position: Position, ids: Mapping[str, str]) -> None:
    """Keep, in place, the ids of topics of which none was kept: they are taken to be the same."""
    for name, topic_id in ids.items():
        position.topic_ids.setdefault(name, topic_id)


def left_out(position: Position, terms: Terms, ids: Mapping[str, str]) -> frozenset[str]:
    """The registered partners that nothing can be shown to."""
    names = {partner_id: partner_scores(partner_id).name for partner_id in terms.partner_ids}
    return frozenset(
        partner_id
        for partner_id, name in names.items()
        if name not in ids or position.topic_ids.get(name) != ids[name]
    )


def take_up(position: Position, partner_ids: Collection[str], ids: Mapping[str, str]) -> bool:
    """Keep, in place, which topics partners have now that all was taken back from them.

    Returns:
        Whether any of them can be shown something again.
    """
    any_there = False
    for partner_id in partner_ids:
        name = partner_scores(partner_id).name
        position.topic_ids[name] = ids.get(name, _GONE)
        any_there |= name in ids
    return any_there


def begin_anew(position: Position, topic: str, topic_id: str, offset: int) -> None:
    """Have, in place, a topic that was made anew or cut short read from an offset on."""
    position.topic_ids[topic] = topic_id
    if offset:
        position.applied[topic] = offset - 1
    else:
        position.applied.pop(topic, None)
