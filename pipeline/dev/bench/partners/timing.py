"""Timing decisions one after the other, each held to what the partner was shown."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.errors import SesameError
from pipeline.partners.vocabulary import Outcome

WARM_UP = 500
"""Decisions before the clock counts."""


@dataclass(frozen=True, slots=True)
class Timed:
    """Seconds of each decision after the warm-up, and how all of them ended."""

    seconds: list[float]
    outcomes: dict[str, int]


class WrongDecisionError(SesameError):
    """A decision that what the partner was shown does not bear out."""


def timed(
    decide: Callable[[str], Outcome], subjects: Sequence[str], admitted: Mapping[str, bool]
) -> Timed:
    """Decide on subjects, the first of them untimed.

    Args:
        decide: How.
        subjects: On whom, `WARM_UP` of them before those that count.
        admitted: By subject, whether the partner was last shown a yes.

    Raises:
        WrongDecisionError: A deposit is waived for a no, or required for a yes.
    """
    seconds: list[float] = []
    outcomes: Counter[str] = Counter()
    for subject in subjects:
        began = time.perf_counter()
        outcome = decide(subject)
        seconds.append(time.perf_counter() - began)
        if (outcome is Outcome.DEPOSIT_WAIVED) != admitted[subject]:
            shown = "YES" if admitted[subject] else "NO"
            raise WrongDecisionError(f"{outcome} for a subject of whom {shown} was shown")
        outcomes[outcome.value] += 1
    return Timed(seconds[WARM_UP:], dict(outcomes))
