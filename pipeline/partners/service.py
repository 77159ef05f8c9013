"""Running one partner: follow its view, decide on the people in it, count.

In this form a grant stands for a customer at the counter: the person is decided on when
the grant comes and again whenever what the partner may see of them changes. The latest
decision counts; with the grant the decision is forgotten.
"""

import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from pipeline.partners.decision import Decision, decide, outcomes_of
from pipeline.partners.follower import Follower, wall_clock_ms
from pipeline.partners.metrics import PartnerMetrics
from pipeline.partners.registry import Policy
from pipeline.partners.view import LocalView
from pipeline.partners.vocabulary import Admitted

POLL_S = 0.2
"""Longest wait for records; a stop is noticed and a grant expires within this time."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Summary:
    """The latest decision on everyone with a grant, by outcome and by answer."""

    policy: Policy
    ready: bool
    subjects: int
    decisions: dict[str, int]
    admitted: dict[str, int]
    records: dict[str, dict[str, int]]

    def as_json(self) -> dict[str, Any]:
        """The summary as one JSON object."""
        return {
            "partner": self.policy.partner_id,
            "name": self.policy.partner_name,
            "purpose": self.policy.purpose,
            "threshold": self.policy.threshold,
            "ready": self.ready,
            "subjects": self.subjects,
            "decisions": self.decisions,
            "admitted": self.admitted,
            "records": self.records,
        }


class PartnerService:
    """One partner's decisions, from an open follower.

    Args:
        policy: The partner's terms.
        follower: Connected; the service polls it, in the thread that calls ``run``.
        metrics: Where to count.
        reason_texts: Words for the reason codes.
    """

    def __init__(
        self,
        policy: Policy,
        follower: Follower,
        metrics: PartnerMetrics,
        reason_texts: Mapping[str, str],
    ) -> None:
        self._policy = policy
        self._follower = follower
        self._metrics = metrics
        self._reason_texts = reason_texts
        self._view = LocalView()
        self._undecided: set[str] = set()
        self._decisions: dict[str, Decision] = {}
        self._counted: dict[str, Counter[str]] = {}

    def run(self, stop: threading.Event, until_idle_s: float | None = None) -> None:
        """Follow and decide until stopped.

        Args:
            stop: Ends the run soon after it is set; may be set from anywhere.
            until_idle_s: End as well once the view is ready and no record came for so long.
        """
        was_ready = False
        records, last_news_s = 0, time.monotonic()
        while not stop.is_set():
            self.step()
            if self._follower.ready and not was_ready:
                was_ready = True
                log.info("partner ready", partner=self._policy.partner_id, people=len(self._view))
            if self._follower.records != records or not self._settled:
                records, last_news_s = self._follower.records, time.monotonic()
            elif until_idle_s is not None and time.monotonic() - last_news_s >= until_idle_s:
                return

    def step(self) -> None:
        """Read on once and decide on those of whom something changed."""
        for change in self._follower.poll(POLL_S):
            if not self._view.apply(change):
                continue
            if change.granted:
                self._undecided.add(change.subject)
            else:
                self._undecided.discard(change.subject)
                self._decisions.pop(change.subject, None)
        if self._follower.ready:
            self._decide()
        self._show()

    def decision(self, subject: str) -> Decision:
        """Decide on anyone, now; a stranger gets the way on as well."""
        seen = self._view.get(subject, wall_clock_ms())
        return decide(seen, self._policy, self._reason_texts)

    def summary(self) -> Summary:
        """The decisions so far; to be asked in the thread that runs, or after it."""
        decisions = self._decisions.values()
        by_outcome = Counter(str(decision.outcome) for decision in decisions)
        by_answer = Counter(str(decision.admitted) for decision in decisions)
        return Summary(
            policy=self._policy,
            ready=self._follower.ready,
            subjects=len(self._view),
            decisions={str(name): by_outcome[name] for name in outcomes_of(self._policy)},
            admitted={str(name): by_answer[name] for name in Admitted},
            records={topic: dict(found) for topic, found in self._follower.results.items()},
        )

    @property
    def _settled(self) -> bool:
        return self._follower.ready and not self._follower.looking_back

    def _decide(self) -> None:
        # While a score is being read again, "nothing available" would not be true.
        decidable = [user for user in self._undecided if not self._follower.awaits(user)]
        for subject in decidable:
            self._undecided.discard(subject)
            self._decisions[subject] = self.decision(subject)
            self._metrics.count_decision(self._decisions[subject])

    def _show(self) -> None:
        self._metrics.show(subjects=len(self._view), ready=self._follower.ready)
        for topic, results in self._follower.results.items():
            counted = self._counted.get(topic, Counter())
            self._metrics.count_records(topic, dict(results - counted))
            self._counted[topic] = results.copy()
