"""What a contract's reports must look like to whoever keeps the person's obligations."""

import re
from collections.abc import Sequence

from pipeline.partners.decision import Decision
from pipeline.partners.services.contracts import Report
from pipeline.partners.vocabulary import Admitted, Outcome

NOW_MS = 1_770_000_000_000

# Written down from the rules of the topics, not from the services' tables: opened first and
# once, late at most once, evidence with a breach, a dispute only of a breach, and nothing
# after what closes a contract.
LIFE = re.compile(
    r"(OPENED( LATE)?( FULFILLED| BREACHED( DISPUTED( DISPUTE_UPHELD| DISPUTE_REJECTED)?)?)?)?"
)


def decision(outcome: Outcome) -> Decision:
    yes = outcome in {Outcome.DEPOSIT_WAIVED, Outcome.LOAN_APPROVED}
    admitted = Admitted.YES if yes else Admitted.NOT_AVAILABLE
    return Decision(outcome, admitted, "text", (), (), 600, None, None)


def assert_can_be_kept(reports: Sequence[Report]) -> None:
    told = " ".join(report.status for report in reports)
    assert LIFE.fullmatch(told), told
    times = [report.occurred_at_ms for report in reports]
    assert times == sorted(set(times))
    for report in reports:
        assert bool(report.evidence) == (report.status == "BREACHED")
        assert len(report.evidence or "") <= 4096
        assert report.amount_minor is None or 0 <= report.amount_minor <= 10**15
        assert report.due_at_ms is not None
