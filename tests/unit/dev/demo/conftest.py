from collections import Counter
from typing import Any

import pytest

from pipeline.dev.demo.result import Result
from pipeline.dev.simulator.send import Report


def scored(points: int) -> dict[str, Any]:
    return {"status": "SCORED", "score": points}


THIN = {"status": "THIN_FILE", "score": None}


@pytest.fixture
def result() -> Result:
    sent = Report(
        events=Counter(payments=90),
        repeats=Counter(payments=6),
        bad=Counter(payments=4),
        reasons=Counter(DECODE=3, INVALID=1),
        seconds=1.0,
    )
    return Result(
        population=5,
        months=12,
        seed=1,
        partitions=4,
        sent=sent,
        outcomes=Counter(applied=80, not_covered=10, duplicate=6, decode=3, invalid=1),
        signals=2,
        lag=0,
        seconds=4.0,
        total_seconds=9.0,
        enrolled=3,
        scores={b"a": scored(610), b"b": scored(700), b"c": THIN},
        score_records=12,
        dead_letters=Counter(DECODE=3, INVALID=1),
        decisions={"car-rental": {"DEPOSIT_WAIVED": 1, "DEPOSIT_REQUIRED": 1}},
        shown={"car-rental": 2},
    )
