"""A naive model of a person's grants: one consent after the other, from the definitions."""

from dataclasses import dataclass, field

from tests.property.gateway.histories import PAIRS, Step
from tests.unit.gateway.world import START_MS

RANKS = ("ADMIT", "BAND", "SCORE")
FAR = START_MS * 10


@dataclass
class Person:
    """What is known of a person, one consent after the other."""

    decided: dict[tuple[str, str], list[Step]] = field(default_factory=dict)
    enrolment: tuple[int, int] | None = None  # since and until when
    left_ms: int = 0
    score: Step | None = None
    ended_once: bool = False

    def take(self, step: Step) -> None:
        given = step.given
        if step.what in ("score", "erase"):
            self.score = step if step.what == "score" else None
        elif step.what in ("grant", "withdraw"):
            for pair in PAIRS:
                if given["pair"] in (pair, (pair[0], None)):
                    self.decided.setdefault(pair, []).append(step)
        else:
            if step.what == "leave" or self.ended_once:
                self.score = None  # the pipeline erases
            self.ended_once |= given.get("expires_at") is not None
            self._enrol(given["occurred_at"], step.what == "enrol", given.get("expires_at"))

    def _enrol(self, at_ms: int, grants: bool, ends_ms: int | None) -> None:
        since_ms, until_ms = self.enrolment or (0, FAR)
        ends_ms = ends_ms or FAR
        if at_ms < since_ms:
            self.left_ms = max(self.left_ms, 0 if grants else at_ms)
        elif not grants:
            self.left_ms = max(self.left_ms, at_ms)
            self.enrolment = None
        elif at_ms == since_ms:
            self.enrolment = (at_ms, min(until_ms, ends_ms))
        else:
            if until_ms <= at_ms:
                self.left_ms = max(self.left_ms, until_ms)
            self.enrolment = (at_ms, ends_ms)

    def granted(self, pair: tuple[str, str], now_ms: int) -> tuple[str, int | None] | None:
        """What is disclosed and until when, if there is a grant in force."""
        steps = self.decided.get(pair, [])
        newest_ms = max((s.given["occurred_at"] for s in steps), default=0)
        newest = [s for s in steps if s.given["occurred_at"] == newest_ms]
        if newest_ms <= self.left_ms or any(s.what == "withdraw" for s in newest):
            return None
        if self.enrolment is not None and newest_ms <= self.enrolment[1] <= now_ms:
            return None
        least = min((s.given["disclosure"] for s in newest), key=RANKS.index)
        ends = [s.given["expires_at"] for s in newest if s.given["disclosure"] == least]
        until = min(end or FAR for end in ends)
        return None if until <= now_ms else (least, None if until == FAR else until)
