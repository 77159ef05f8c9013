"""The thread that keeps a partner's local view up with its topic.

Read committed, from the stored offsets, in no consumer group. A broker that is away is waited
for, with growing pauses, and meanwhile the view answers as it last was, for an hour; then it
answers nothing until it is up with its topic again. One that may have missed a withdrawal for
good is read anew.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import structlog
from kafka.errors import KafkaError

from pipeline.errors import SesameError
from pipeline.partners.backoff import Backoff
from pipeline.partners.rebuild import Cause
from pipeline.partners.records import Change
from pipeline.partners.source import TopicSource
from pipeline.partners.tracker import OutdatedError, Raw, Tracker
from pipeline.settings import Settings

POLL_S = 0.2
"""Longest wait for records; a stop is noticed within this time."""
CHECK_S = 2.0
"""How often the topic's end is asked for, which also tells whether the broker is there."""
JOIN_S = 30.0

log = structlog.get_logger()


class Phase(StrEnum):
    """What the follower is at."""

    STARTING = "STARTING"
    CATCHING_UP = "CATCHING_UP"
    FOLLOWING = "FOLLOWING"
    AWAY = "AWAY"
    ENDED = "ENDED"


@dataclass(frozen=True, slots=True)
class State:
    """How far the view can be relied on.

    ``ready`` once the topic was read to its end, also while a broker is away after that, but
    not while the view is read anew, nor when it is ``stale``: was ready, and then not at its
    topic's end for too long to decide. ``current_at_ms`` is when, by the wall clock, nothing
    was missing; ``problem`` what keeps the follower from its topic, in words.
    """

    phase: Phase
    ready: bool
    current_at_ms: int | None
    problem: str | None
    stale: bool = False


_WAITING_FOR = {
    Phase.STARTING: "no broker has answered yet",
    Phase.CATCHING_UP: "it is still being read",
    Phase.ENDED: "the client was closed",
}


class TopicChangedError(SesameError):
    """The topic behind the name is another one, or is partitioned anew."""


class Follower:
    """Follows one partner's topic in a thread of its own.

    Args:
        settings: Brokers, security.
        topic: Name on the broker.
        tracker: What the records are taken into; belongs to the thread from now on.
        clock_ms: Wall time.
        tell: Is given the changes of each batch once they are stored and shown, in the
            follower's thread; must not raise.
    """

    def __init__(
        self,
        settings: Settings,
        topic: str,
        tracker: Tracker,
        clock_ms: Callable[[], int],
        tell: Callable[[Sequence[Change]], None],
    ) -> None:
        self._settings = settings
        self._topic = topic
        self._tracker = tracker
        self._clock_ms = clock_ms
        self._tell = tell
        self._phase = Phase.STARTING
        self._problem: str | None = None
        self._goals: dict[int, int] = {}
        self._goals_at_ms = 0
        self._at_goals = False
        self._checked_s = 0.0
        self._ready = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"follow {topic}", daemon=True)

    @property
    def state(self) -> State:
        """How far the view can be relied on, now."""
        stood, stale = self._ready.is_set(), self._tracker.stale(self._clock_ms())
        return State(
            phase=self._phase,
            ready=stood and not stale,
            current_at_ms=self._tracker.current_at_ms,
            problem=self._problem,
            stale=stood and stale,
        )

    def start(self) -> None:
        """Start to follow."""
        self._thread.start()

    def end(self) -> None:
        """Stop soon, after the batch in hand."""
        self._stop.set()

    def join(self) -> None:
        """Wait until it has stopped."""
        if self._thread.is_alive():
            self._thread.join(JOIN_S)

    def wait_ready(self, timeout_s: float) -> None:
        """Wait until the topic was read to its end.

        Raises:
            SesameError: It was not in time; the message says whether a broker, the topic or a
                right is missing, or only time.
        """
        if self._ready.wait(timeout_s):
            return
        if self._problem is not None:
            raise SesameError(f"{self._topic} cannot be followed: {self._problem}")
        why = _WAITING_FOR.get(self._phase, "it is no longer up with its topic")
        raise SesameError(f"{self._topic} was not read to its end within {timeout_s:g} s: {why}")

    def _run(self) -> None:
        backoff = Backoff()
        while not self._stop.is_set():
            try:
                self._follow(backoff)
            except (TopicChangedError, OutdatedError) as error:
                log.warning("partner topic left", topic=self._topic, reason=str(error))
            except (KafkaError, SesameError, OSError) as error:
                problem = str(error) or type(error).__name__
                if problem != self._problem:
                    log.warning("partner topic away", topic=self._topic, error=problem)
                self._lost(problem)
                self._stop.wait(backoff.next_s())
            except Exception as error:  # the thread has to outlive whatever it meets
                self._lost(f"{type(error).__name__}: {error}")
                log.exception("following failed", topic=self._topic)
                self._stop.wait(backoff.next_s())
        self._phase = Phase.ENDED

    def _lost(self, problem: str) -> None:
        self._phase, self._problem = Phase.AWAY, problem

    def _follow(self, backoff: Backoff) -> None:
        with TopicSource(self._settings, self._topic) as source:
            self._stand(source)
            while not self._stop.is_set():
                self._step(source)
                backoff.reset()

    def _stand(self, source: TopicSource) -> None:
        self._goals_at_ms = self._clock_ms()
        found = source.look()
        offsets, cause = self._tracker.stand(found)
        if cause is not None:
            self._ready.clear()
            if cause is not Cause.FIRST_START:
                log.warning("view read anew", topic=self._topic, cause=str(cause))
        source.seek(offsets)
        self._goals, self._at_goals = dict(found.ends), False
        self._phase = Phase.CATCHING_UP

    def _step(self, source: TopicSource) -> None:
        batches = source.poll(POLL_S)
        if source.changed:
            # Offsets of the one say nothing of the other's records.
            raise TopicChangedError("it was made or partitioned anew, or is gone")
        if batches:
            records = [Raw(r.key, r.value) for batch in batches.values() for r in batch]
            self._tell(self._tracker.take(records, source.positions(batches)))
            self._problem = None
        if self._phase is Phase.FOLLOWING and time.monotonic() - self._checked_s >= CHECK_S:
            at_ms, ends = self._clock_ms(), source.ends()
            self._checked_s = time.monotonic()
            # Goals stay until they are reached: those of a busy topic move away for ever.
            if self._at_goals:
                self._goals, self._goals_at_ms, self._at_goals = ends, at_ms, False
        if not self._at_goals:
            self._check_goals(source)

    def _check_goals(self, source: TopicSource) -> None:
        positions = source.positions()
        if any(positions[number] < end for number, end in self._goals.items()):
            return
        self._tell(self._tracker.caught_up(positions, self._goals_at_ms))
        self._problem, self._at_goals = None, True
        if self._phase is not Phase.FOLLOWING:
            self._phase, self._checked_s = Phase.FOLLOWING, time.monotonic()
            self._ready.set()
            log.info("partner view ready", topic=self._topic, subjects=len(self._tracker.view))
