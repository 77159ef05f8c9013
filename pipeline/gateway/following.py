"""Scores as they are published: the latest of everyone is kept, so that grants are served."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.codec.decode import Poison
from pipeline.codec.registry import SchemaRegistry
from pipeline.codec.score_reads import ScoreReads, decode_scores
from pipeline.factors.columns import Int64
from pipeline.gateway.rows import SCORE_ROW
from pipeline.gateway.state import GatewayState
from pipeline.gateway.texts import Texts
from pipeline.gateway.vocabulary import ScoreStatus
from pipeline.streaming.columnar import values_of
from pipeline.streaming.records import Record

_ERASED = -1


@dataclass(frozen=True, slots=True)
class Followed:
    """What a batch of `scores` said.

    ``people`` are the slots of those whose score changed or went, each once, shape (n,);
    ``begun`` those of whom a `null` or a first score was among it;
    ``newest_ms`` is the newest event time; ``poison`` has what does not decode, by position.
    """

    people: Int64
    begun: Int64
    newest_ms: int
    poison: list[Poison]


def follow(state: GatewayState, records: Sequence[Record], registry: SchemaRegistry) -> Followed:
    """Keep the latest score of everyone in a batch of `scores`.

    Whose latest does not decode has none from then on: to keep the one before would be to go
    on showing what may have been erased.

    Raises:
        RegistryError: The registry cannot answer.
    """
    values = values_of(records)
    written = [at for at, value in enumerate(values) if value is not None]
    reads = decode_scores([values[at] for at in written], registry)
    poison = [Poison(written[p.index], p.reason, p.error) for p in reads.poison]
    users, source = _latest(records, [written[at] for at in reads.kept.tolist()], reads.users)
    gone = source == _ERASED
    slots = _slots(state, users, gone)
    known = slots >= 0
    slots, source = slots[known], source[known]
    rows = np.zeros(len(slots), SCORE_ROW)
    present = source != _ERASED
    rows[present] = _rows(reads, source[present], state.texts)
    state.people.scores[slots] = rows
    begun = []
    if len(written) < len(values):
        begun = [_key(record) for record in records if record.value is None]
    begun += [reads.users[at] for at in np.flatnonzero(reads.sequence == 1).tolist()]
    whose = state.people.slots(begun)
    return Followed(slots, whose[whose >= 0], int(reads.as_of_ms.max(initial=0)), poison)


def _latest(
    records: Sequence[Record], good: list[int], users: list[str]
) -> tuple[list[str], Int64]:
    """Each person once, and which of the good records is their last; -1: it is none of them."""
    if len(good) == len(records):
        last = dict(zip(users, range(len(users)), strict=True))
    else:
        number = dict(zip(good, range(len(good)), strict=True))
        last = {}
        for place, record in enumerate(records):
            at = number.get(place, _ERASED)
            last[_key(record) if at == _ERASED else users[at]] = at
    return list(last), np.fromiter(last.values(), np.int64, len(last))


def _key(record: Record) -> str:
    return (record.key or b"").decode(errors="replace")


def _slots(state: GatewayState, users: list[str], gone: NDArray[np.bool_]) -> Int64:
    if not gone.any():
        return state.people.slots_or_new(users)
    # Who was never known needs no slot to be forgotten.
    slots = state.people.slots(users)
    new = np.flatnonzero((slots < 0) & ~gone)
    slots[new] = state.people.slots_or_new([users[at] for at in new.tolist()])
    return slots


def _rows(reads: ScoreReads, chosen: Int64, texts: Texts) -> NDArray[np.void]:
    rows = np.zeros(len(chosen), SCORE_ROW)
    scored = reads.scored[chosen]
    rows["status"] = np.where(scored, ScoreStatus.SCORED, ScoreStatus.THIN_FILE)
    rows["band"] = reads.band[chosen]
    rows["score"] = reads.score[chosen]
    # A text's code in the batch becomes the one we know it by; NO_NAME, -1, is the last: none.
    models = np.append(texts.codes(reads.models.names), 0)
    rows["model"] = models[reads.models.codes[chosen]]
    reasons = np.append(texts.codes(reads.reason_names), 0)
    rows["reasons"] = reasons[reads.reasons[chosen]]
    rows["as_of_ms"] = reads.as_of_ms[chosen]
    rows["sequence"] = reads.sequence[chosen]
    return rows
