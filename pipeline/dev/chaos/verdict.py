"""What came of a run: counts, and in words where something is wrong."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

FINDINGS_MAX = 50


@dataclass(slots=True)
class Verdict:
    """The oracle's answer; `holds` says whether everything is as it must be.

    ``events`` are input records found, ``applied`` those the journal covers. ``lost``:
    acknowledged and gone, not applied, or refused without a dead letter. ``doubled``: applied
    twice by the journal, letters or score records written again. ``gaps``: missing numbers in
    sequences of scores. ``rows_compared`` are state rows and lists of everybody;
    ``records_compared`` score and partner records and both sides of links.
    """

    events: int = 0
    applied: int = 0
    lost: int = 0
    doubled: int = 0
    gaps: int = 0
    rows_compared: int = 0
    rows_differing: int = 0
    records_compared: int = 0
    records_differing: int = 0
    letters: int = 0
    disorders: int = 0
    """Whatever else is wrong, such as a transaction that says it was for nothing and was not."""
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Input records by topic and what the reference says became of them."""
    findings: list[str] = field(default_factory=list)
    """The first in words."""

    @property
    def holds(self) -> bool:
        """Whether nothing is lost, doubled, missing, different or out of order."""
        wrong = (self.lost, self.doubled, self.gaps, self.rows_differing, self.records_differing)
        return not any(wrong) and not self.disorders

    def say(self, finding: str) -> None:
        """Keep a finding, if there are not enough already."""
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(finding)

    def lose(self, finding: str, times: int = 1) -> None:
        """Something is lost."""
        self.lost += times
        self.say(f"lost: {finding}")

    def double(self, finding: str, times: int = 1) -> None:
        """Something is there twice."""
        self.doubled += times
        self.say(f"doubled: {finding}")

    def miss(self, finding: str, times: int = 1) -> None:
        """A sequence has a gap."""
        self.gaps += times
        self.say(f"gap: {finding}")

    def compare_row(self, finding: str | None) -> None:
        """A row was compared; ``finding`` says how it differs, if it does."""
        self.rows_compared += 1
        if finding is not None:
            self.rows_differing += 1
            self.say(f"row: {finding}")

    def compare_record(self, finding: str | None) -> None:
        """A record was compared; ``finding`` says how it differs, if it does."""
        self.records_compared += 1
        if finding is not None:
            self.records_differing += 1
            self.say(f"record: {finding}")

    def disorder(self, finding: str) -> None:
        """Something else is wrong."""
        self.disorders += 1
        self.say(f"disorder: {finding}")

    def as_json(self) -> dict[str, Any]:
        """The counts and findings, for programs."""
        names = (
            *("events", "applied", "lost", "doubled", "gaps", "rows_compared", "rows_differing"),
            *("records_compared", "records_differing", "letters", "disorders", "findings"),
        )
        return {name: getattr(self, name) for name in names}
