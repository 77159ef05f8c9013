"""From a history of events to a sample: the stream's own folds, month after month.

Scoring, replay and training call the same functions, so what is fitted offline is what the
stream computes online.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import topics
from pipeline.factors.characteristics import compute, missing_history
from pipeline.factors.columns import EventColumns, Int64, PeerSignalColumns
from pipeline.factors.fold import Arrivals, Batch, BatchState, Policy, Signal, fold_batch
from pipeline.factors.months import month_of_ms, month_start_ms
from pipeline.factors.social import own_active_peers
from pipeline.scoring.model import Model
from pipeline.scoring.scorecard import NO_SCORE, score
from pipeline.training.sample import Sample

UNSCORED = -1
BASE_SCORE_STEP = 10
"""Peers are told a base score rounded down to tens."""
_NO_EVENT_ID = 1
"""Peer signals carry an id that no fold looks at."""


@dataclass(frozen=True, slots=True)
class Observed:
    """A population's events up to ``end_ms``, and what came of each person after it.

    ``events`` by topic name, each by event time; ``user`` indexes into ``users``.
    ``propensity`` is the hidden truth, larger is better, known of simulated people only.
    """

    users: list[str]
    events: Mapping[str, EventColumns]
    end_ms: int
    defaulted: NDArray[np.bool_]
    propensity: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Folded:
    """The state of a population at the end of its history, and its outcomes."""

    state: BatchState
    end_ms: int
    defaulted: NDArray[np.bool_]
    propensity: NDArray[np.float64]

    @property
    def as_of_month(self) -> int:
        """The month of the last possible event."""
        return month_of_ms(self.end_ms - 1)

    def sample(self) -> Sample:
        """The people who can ask for a score, with their characteristics and outcomes."""
        rows = self.state.rows
        enrolled = np.flatnonzero(rows["consent_mask"] & 1)
        return Sample(
            values=compute(rows[enrolled], self.as_of_month),
            consent_mask=rows["consent_mask"][enrolled],
            missing=missing_history(rows[enrolled], self.as_of_month),
            defaulted=self.defaulted[enrolled],
            propensity=self.propensity[enrolled],
        )

    def tell_base_scores(self, model: Model) -> None:
        """Let everybody hear the base scores of their links, in place, as the stream would."""
        columns = score(self.state.rows, self.as_of_month, model)
        tens = columns.base_score.astype(np.int32) // BASE_SCORE_STEP * BASE_SCORE_STEP
        told = np.where(columns.base_score == NO_SCORE, UNSCORED, tens)
        signals = [
            Signal(sender, receiver, active=True, wants_reply=False)
            for sender, links in zip(self.state.users, self.state.links, strict=True)
            for receiver in own_active_peers(links)
        ]
        _exchange(self.state, signals, dict(zip(self.state.users, told.tolist(), strict=True)))


def fold_history(observed: Observed) -> Folded:
    """Fold a history month by month, with the peer signals each month causes."""
    state = BatchState.empty(observed.users)
    unscored = dict.fromkeys(observed.users, UNSCORED)
    for start_ms, batch in _months(observed):
        result = fold_batch(state, batch, Policy(), start_ms)
        _exchange(state, result.signals, unscored)
    return Folded(state, observed.end_ms, observed.defaulted, observed.propensity)


def _months(observed: Observed) -> Iterator[tuple[int, Batch]]:
    """Each calendar month's events by topic."""
    first_ms = min(
        (int(each.occurred_at_ms[0]) for each in observed.events.values() if len(each)),
        default=observed.end_ms,
    )
    for month in range(month_of_ms(first_ms), month_of_ms(observed.end_ms - 1) + 1):
        start_ms, end_ms = month_start_ms(month), month_start_ms(month + 1)
        arrivals = {
            name: Arrivals(part, part.occurred_at_ms)
            for name, each in observed.events.items()
            if len(part := _between(each, start_ms, end_ms))
        }
        yield start_ms, Batch(**arrivals)  # type: ignore[arg-type]  # topic names are its fields


def _between(events: EventColumns, start_ms: int, end_ms: int) -> EventColumns:
    low, high = np.searchsorted(events.occurred_at_ms, (start_ms, end_ms))
    columns: dict[str, Any] = {
        each.name: getattr(events, each.name)[low:high] for each in fields(events)
    }
    return type(events)(**columns)


def _exchange(state: BatchState, signals: Sequence[Signal], base: Mapping[str, int]) -> None:
    """Deliver peer signals, and those they cause, until all is said."""
    slots = {user: slot for slot, user in enumerate(state.users)}
    while signals:
        columns = _signal_columns(signals, slots, base)
        batch = Batch(peer_signals=Arrivals(columns, columns.occurred_at_ms))
        signals = fold_batch(state, batch, Policy(), 0).signals


def _signal_columns(
    signals: Sequence[Signal], slots: Mapping[str, int], base: Mapping[str, int]
) -> PeerSignalColumns:
    n = len(signals)
    at: Int64 = np.zeros(n, dtype=np.int64)
    return PeerSignalColumns(
        user=np.array([slots[each.receiver] for each in signals], dtype=np.int32),
        occurred_at_ms=at,
        id_hash=np.full(n, _NO_EVENT_ID, dtype=np.uint64),
        other=np.array([each.sender for each in signals], dtype=object),
        active=np.array([each.active for each in signals]),
        base_score=np.array(
            [base[each.sender] if each.active else UNSCORED for each in signals], dtype=np.int32
        ),
        wants_reply=np.array([each.wants_reply for each in signals]),
        erased=np.array([each.erased for each in signals]),
    )


OBSERVED_TOPICS = tuple(topic for topic in topics.INPUTS if topic is not topics.PEER_SIGNALS)
"""What a history is made of; peer signals follow from it."""
