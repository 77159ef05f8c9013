"""A simulated population's records, in the order producers would send them."""

from functools import cache

from pipeline.codec.reasons import Reason
from pipeline.codec.registry import FileRegistry
from pipeline.dev.simulator import Spec, simulate
from pipeline.dev.simulator.traffic import Mistakes, Traffic
from tests.integration.support.stream import Input

END_MS = 1_793_000_000_000
"""October 2026: all of the history lies before the tests run."""
_BY_TIME = {Reason.TOO_LATE, Reason.FUTURE}


@cache
def simulated(people: int, events: int, months: int = 8) -> tuple[list[Input], list[Input]]:
    """The consents that stand before everything else, and all the rest."""
    spec = Spec(people=people, months=months, end_ms=END_MS, withdrawal_rate=0.1)
    traffic = Traffic(
        simulate(spec.for_events(events)),
        FileRegistry(),
        Mistakes(bad_share=0.01, repeat_share=0.02),
    )
    opening: list[Input] = []
    rest: list[Input] = []
    for chunk in traffic.chunks():
        for sent in chunk.records:
            # Whether an event comes too late or early depends on the others: the reference says.
            reason = None if sent.reason is None or sent.reason in _BY_TIME else str(sent.reason)
            (opening if chunk.opening else rest).append(
                Input(sent.topic, sent.key, sent.value, reason)
            )
    return opening, rest
