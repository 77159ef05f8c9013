"""What a partner's own program uses: see scores, decide, report outcomes.

It needs a broker, the partner's id and rights on the partner's own three topics: to read
`partner.<id>.scores` and to write `partner.<id>.outcomes` and `partner.<id>.enquiries`.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog
from prometheus_client import CollectorRegistry

from pipeline import logs
from pipeline import settings as settings_module
from pipeline.codec.open import open_registry
from pipeline.partners.answers import DayAnswers
from pipeline.partners.database import Database, default_path
from pipeline.partners.decision import Decision, decide
from pipeline.partners.enquiries import Enquiries
from pipeline.partners.follower import Follower, Phase, State
from pipeline.partners.metrics import PartnerMetrics, Reading
from pipeline.partners.outbox import Outbox
from pipeline.partners.records import Change, OutcomeReport, PartnerScore
from pipeline.partners.registry import Policy, load_registry
from pipeline.partners.reports import Reporter
from pipeline.partners.store import ViewStore
from pipeline.partners.summary import Summary, count_answers, count_outcomes
from pipeline.partners.texts import reason_texts
from pipeline.partners.tracker import Tracker
from pipeline.partners.vocabulary import Purpose
from pipeline.resources import partners_file
from pipeline.settings import Settings
from pipeline.topics import partner_scores

OUTCOMES_WAITING_MAX = 100_000
LAST_ENQUIRIES_S = 5.0
"""Longest wait, at the end, for enquiries that are still to be told."""

log = structlog.get_logger()


def wall_clock_ms() -> int:
    """Milliseconds since 1970, now."""
    return time.time_ns() // 1_000_000


class PartnerClient:
    """One partner's side of the pipeline; a context manager, its methods for any thread.

    From entry to exit a thread follows the partner's scores into a local view, which a file
    keeps over restarts, and two more deliver reports and enquiries. The file is one
    process's at a time.

    Args:
        partner_id: As registered.
        settings: Brokers, security, registry; none takes the environment's.
        store: The file; none takes one in the user's data folder.
        clock_ms: Wall time, for grants that expire and days that end.
        collectors: Where its metrics are collected.
        outcomes_waiting_max: Reports that may wait for a broker before more are refused.

    Raises:
        PartnerRegistryError: The partner is not registered.
        RefusedError: The file is another process's or another topic's.
        StoreError: The file cannot be used.
    """

    def __init__(  # noqa: PLR0913 - all but the first have a default
        self,
        partner_id: str,
        *,
        settings: Settings | None = None,
        store: Path | None = None,
        clock_ms: Callable[[], int] = wall_clock_ms,
        collectors: CollectorRegistry | None = None,
        outcomes_waiting_max: int = OUTCOMES_WAITING_MAX,
    ) -> None:
        logs.leave_to_the_program()
        settings = settings or settings_module.load()
        self._registry = load_registry(settings.partners_file or partners_file())
        self._partner_id = partner_id
        self._policies = self._registry.policies(partner_id)
        self._clock_ms = clock_ms
        self._texts = reason_texts()
        self._answers = DayAnswers(settings.enquiries_per_day_max)
        self._callbacks: tuple[Callable[[Change], None], ...] = ()
        self._callback_errors = 0
        topic = settings.topic(partner_scores(partner_id).name)
        schemas = open_registry(settings)
        self._database = Database(
            store or default_path(settings.data_dir, partner_id, settings.topic_prefix)
        )
        try:
            view = ViewStore(self._database.view)
            self._tracker = Tracker(topic, partner_id, schemas, view, clock_ms)
            outbox = Outbox(self._database.outbox, outcomes_waiting_max)
        except BaseException:
            self._database.close()
            raise
        self._follower = Follower(settings, topic, self._tracker, clock_ms, self._tell)
        self._reporter = Reporter(settings, partner_id, schemas, outbox, clock_ms)
        self._enquiries = Enquiries(settings, partner_id, schemas)
        self._metrics = PartnerMetrics(partner_id, collectors or CollectorRegistry(), self._read)

    def __enter__(self) -> Self:
        """Start to follow and to deliver; no broker has to answer yet."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End it."""
        self.close()

    def start(self) -> None:
        """Start to follow and to deliver; no broker has to answer yet."""
        self._reporter.start()
        self._enquiries.start()
        self._follower.start()

    def close(self) -> None:
        """End; reports that are not delivered wait in the file for the next start."""
        self._follower.end()
        self._reporter.end()
        self._enquiries.stop(LAST_ENQUIRIES_S)
        self._follower.join()
        self._reporter.join()
        self._database.close()

    @property
    def ready(self) -> bool:
        """Whether the view was read to its topic's end since the start, and is not stale."""
        return self._follower.state.ready

    @property
    def state(self) -> State:
        """How far the view can be relied on, and what is the matter if it is behind."""
        return self._follower.state

    @property
    def subjects(self) -> int:
        """The number of subjects of whom something may be seen, for whatever purpose."""
        return len(self._tracker.view)

    @property
    def records(self) -> int:
        """Records read since the start."""
        return self._tracker.results.total()

    @property
    def policies(self) -> dict[str, Policy]:
        """The partner's terms, by purpose."""
        return dict(self._policies)

    @property
    def outcomes_waiting(self) -> int:
        """Reports not yet delivered."""
        return self._reporter.waiting

    @property
    def callback_errors(self) -> int:
        """Callbacks that failed since the start."""
        return self._callback_errors

    def wait_ready(self, timeout_s: float) -> None:
        """Wait until the view was read to its topic's end.

        Raises:
            SesameError: It was not in time; the message says why.
        """
        self._follower.wait_ready(timeout_s)

    def policy(self, purpose: Purpose | str | None = None) -> Policy:
        """The terms of a purpose, which may be left out where the partner has only one.

        Raises:
            PartnerRegistryError: The partner has no such purpose, or several and none was
                named.
        """
        found = self._policies.get(purpose) if purpose else None
        return found or self._registry.policy(self._partner_id, purpose)

    def decide(self, subject: str, purpose: Purpose | str | None = None) -> Decision:
        """Decide on a subject by what may be seen of it now, and tell on that it was asked.

        Asks no broker. Whoever is unknown, withdrew or has too little history is answered
        alike, with the partner's way on; so is everyone while the view is stale. Asked
        about too often in a UTC day, the answer is the day's first, for as long as there is
        anything to see.

        Raises:
            PartnerRegistryError: See ``policy``.
        """
        policy = self.policy(purpose)
        now_ms = self._clock_ms()
        seen = self._tracker.get(subject, now_ms)
        decision = decide(seen, policy, self._texts)
        if seen is not None:
            decision = self._answers.answer(subject, policy.purpose, decision, now_ms)
        self._enquiries.ask(subject, policy.purpose, now_ms)
        self._metrics.count_decision(policy.purpose, decision)
        return decision

    def on_change(self, callback: Callable[[Change], None]) -> None:
        """Call back with each change from now on, in order, in the follower's thread.

        Given before the client is entered, it hears everything that the view learns. What is
        told is stored and seen already. An exception is logged and counted, and the
        next callback called.
        """
        self._callbacks = (*self._callbacks, callback)

    def report(self, outcome: OutcomeReport) -> str:
        """Report what became of a contract; on disk when this returns, delivered later.

        Returns:
            The event id. Making the same report again changes nothing.

        Raises:
            RefusedError: The report breaks a rule, or its event id was used for another.
            OutboxFullError: Too many wait for a broker.
            StoreError: The file cannot be written.
        """
        return self._reporter.report(outcome)

    def flush(self, timeout_s: float) -> None:
        """Wait until reports and enquiries are delivered.

        Raises:
            SesameError: Some are not; reports stay in the outbox.
        """
        deadline_s = time.monotonic() + timeout_s
        self._reporter.flush(timeout_s)
        self._enquiries.flush(max(0.0, deadline_s - time.monotonic()))

    def everyone(self, purpose: Purpose | str | None = None) -> Iterator[PartnerScore]:
        """What may be seen of everyone, of those who granted a purpose if one is named."""
        now_ms = self._clock_ms()
        for known in self._tracker.view:
            if purpose in (None, known.purpose):
                seen = self._tracker.get(known.subject, now_ms)
                if seen is not None:
                    yield seen

    def summary(self, purpose: Purpose | str | None = None) -> Summary:
        """What would be decided on everyone who granted a purpose; nobody is asked about."""
        policy = self.policy(purpose)
        decisions = [decide(seen, policy, self._texts) for seen in self.everyone(policy.purpose)]
        return Summary(
            policy=policy,
            ready=self.ready,
            subjects=len(decisions),
            decisions=count_outcomes(decisions, policy),
            admitted=count_answers(decisions),
            records=self._tracker.results.counts(),
            outcomes=self._reporter.results.counts() | {"waiting": self._reporter.waiting},
            enquiries=self._enquiries.results.counts() | {"waiting": self._enquiries.waiting},
        )

    def _tell(self, changes: Sequence[Change]) -> None:
        for change in changes:
            for callback in self._callbacks:
                try:
                    callback(change)
                except Exception:
                    self._callback_errors += 1
                    log.exception("callback failed")

    def _read(self) -> Reading:
        state = self._follower.state
        current_at_ms = state.current_at_ms
        return Reading(
            ready=state.ready,
            following=state.phase is Phase.FOLLOWING,
            stale_s=None if current_at_ms is None else (self._clock_ms() - current_at_ms) / 1_000,
            subjects={purpose: self._tracker.view.count(purpose) for purpose in self._policies},
            records=self._tracker.results.counts(),
            outcomes=self._reporter.results.counts(),
            outcomes_waiting=self._reporter.waiting,
            enquiries=self._enquiries.results.counts(),
            enquiries_waiting=self._enquiries.waiting,
            callback_errors=self._callback_errors,
            repeated_answers=self._answers.repeated,
        )
