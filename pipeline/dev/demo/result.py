"""What a demo found out: measured figures, and whether they add up."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.dev.simulator.send import Report
from pipeline.scoring.bands import SCORE_MAX, SCORE_MIN

BIN_POINTS = 50


@dataclass(frozen=True, slots=True)
class Check:
    """Two ways of counting the same; ``expected`` is what was sent, ``found`` what came of it."""

    name: str
    expected: int
    found: int

    @property
    def ok(self) -> bool:
        """Whether they agree."""
        return self.expected == self.found


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of one demo; all counted or measured.

    ``outcomes`` says what the worker did with each record; ``dead_letters`` and ``scores``
    are read from their topics; ``sent`` is the producer's own account; ``enrolled`` and
    ``shown`` (by partner) follow from the consents that were sent.
    """

    population: int
    months: int
    seed: int
    partitions: int
    sent: Report
    outcomes: Counter[str]
    signals: int
    lag: int
    seconds: float
    total_seconds: float
    enrolled: int
    scores: Mapping[bytes, Mapping[str, Any]]
    score_records: int
    dead_letters: Counter[str]
    decisions: Mapping[str, Mapping[str, int]]
    shown: Mapping[str, int]

    @property
    def events(self) -> int:
        """Records of producers that the worker is done with."""
        return self.outcomes.total()

    @property
    def events_per_second(self) -> int:
        """From the first record sent to the last one applied, the sending included."""
        return round(self.events / self.seconds)

    @property
    def points(self) -> list[int]:
        """The scores of everybody who has one."""
        return [s["score"] for s in self.scores.values() if s["status"] == "SCORED"]

    @property
    def thin_file(self) -> int:
        """People whose file is too thin for a score."""
        return sum(s["status"] == "THIN_FILE" for s in self.scores.values())

    @property
    def checks(self) -> list[Check]:
        """Everything that was counted twice."""
        reasons = sorted(self.sent.reasons.keys() | self.dead_letters.keys())
        return [
            Check("records sent, and what became of them", self.sent.records, self.events),
            Check(
                "people enrolled, and people with a score or a thin file",
                self.enrolled,
                len(self.points) + self.thin_file,
            ),
            *(
                Check(f"dead letters {r}", self.sent.reasons[r], self.dead_letters[r])
                for r in reasons
            ),
            *(
                Check(
                    f"people with a score who let {partner} see it, and its decisions",
                    self.shown[partner],
                    sum(outcomes.values()),
                )
                for partner, outcomes in self.decisions.items()
            ),
        ]

    @property
    def ok(self) -> bool:
        """Whether everything adds up."""
        return not self.lag and all(check.ok for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """The result as one JSON object."""
        return {
            "events": self.events,
            "events_per_second": self.events_per_second,
            "people": self.enrolled,
            "scored": len(self.points),
            "thin_file": self.thin_file,
            "lag": self.lag,
            "dead_letters": dict(sorted(self.dead_letters.items())),
            "decisions": {name: dict(found) for name, found in self.decisions.items()},
            "scores": histogram(self.points),
            "population": self.population,
            "months": self.months,
            "seed": self.seed,
            "partitions": self.partitions,
            "outcomes": dict(sorted(self.outcomes.items())),
            "sent": {
                "events": self.sent.events.total(),
                "repeats": self.sent.repeats.total(),
                "bad": {str(r): n for r, n in sorted(self.sent.reasons.items())},
            },
            "peer_signals": self.signals,
            "score_records": self.score_records,
            "seconds": round(self.seconds, 3),
            "total_seconds": round(self.total_seconds, 3),
            "checks": [
                {"name": c.name, "expected": c.expected, "found": c.found, "ok": c.ok}
                for c in self.checks
            ],
            "ok": self.ok,
        }


def histogram(points: Iterable[int]) -> dict[str, int]:
    """Scores by bins of 50 points over the whole range, lowest first; 950 is in the last.

    >>> histogram([350, 399, 400, 950])["350-399"]
    2
    """
    last = SCORE_MAX - BIN_POINTS
    counts = Counter(min(p // BIN_POINTS * BIN_POINTS, last) for p in points)
    return {
        f"{low}-{SCORE_MAX if low == last else low + BIN_POINTS - 1}": counts[low]
        for low in range(SCORE_MIN, SCORE_MAX, BIN_POINTS)
    }
