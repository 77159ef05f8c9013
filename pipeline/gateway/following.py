"""Scores as they are published: the latest of everyone is kept, so that grants are served."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.codec.registry import SchemaRegistry
from pipeline.codec.score_reads import ScoreReads, decode_scores
from pipeline.factors.columns import Int64
from pipeline.gateway.rows import SCORE_ROW
from pipeline.gateway.state import GatewayState
from pipeline.gateway.texts import Texts
from pipeline.gateway.vocabulary import ScoreStatus
from pipeline.streaming.records import Record

_ERASED = -1


class UnreadableScoreError(RuntimeError):
    """A record of `scores` that the pipeline cannot have written; the gateway must not go on."""


def follow(
    state: GatewayState, records: Sequence[Record], registry: SchemaRegistry
) -> tuple[Int64, int]:
    """Keep the latest score of everyone in a batch of `scores`.

    Returns:
        The slots of the people whose score changed or went, each once; the newest event time.

    Raises:
        UnreadableScoreError: A record does not decode: to leave it out would be to go on
            showing what may have been erased.
        RegistryError: The registry cannot answer.
    """
    written = [at for at, record in enumerate(records) if record.value is not None]
    reads = decode_scores([records[at].value for at in written], registry)
    if reads.poison:
        poison = reads.poison[0]
        offset = records[written[poison.index]].offset
        raise UnreadableScoreError(f"scores, offset {offset}: {poison.error}")
    users, source = _latest(records, written, reads)
    gone = source == _ERASED
    slots = _slots(state, users, gone)
    known = slots >= 0
    slots, source = slots[known], source[known]
    rows = np.zeros(len(slots), SCORE_ROW)
    present = source != _ERASED
    rows[present] = _rows(reads, source[present], state.texts)
    state.people.scores[slots] = rows
    return slots, int(reads.as_of_ms.max(initial=0))


def _latest(
    records: Sequence[Record], written: list[int], reads: ScoreReads
) -> tuple[list[str], Int64]:
    """Each person once, and where among the reads their last record is."""
    if len(written) == len(records):
        last = dict(zip(reads.users, range(len(reads)), strict=True))
    else:
        last = {}
        read = iter(range(len(reads)))
        for record in records:
            if record.value is None:
                last[(record.key or b"").decode()] = _ERASED
            else:
                at = next(read)
                last[reads.users[at]] = at
    return list(last), np.fromiter(last.values(), np.int64, len(last))


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
    return rows
