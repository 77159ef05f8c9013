"""How large a demo is, and whether the simulator can make it so."""

from dataclasses import dataclass

from pipeline.dev.simulator.spec import (
    DUE_EVENTS_A_MONTH,
    FREE_EVENTS_A_MONTH,
    SETUP_EVENTS,
    Spec,
)
from pipeline.errors import RefusedError

MONTHS_MAX = 24
"""As far back as the score's monthly tiles reach."""
MONTHS_MIN = 3
"""Fewer leave everybody with a thin file."""
BAD_SHARE = 0.004
REPEAT_SHARE = 0.01
_INTENSITY_MIN = 0.2
"""Searches and purchases there should be beside what falls due, of what people usually do."""
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for: people, about so many events, the seed, partitions."""

    people: int
    events: int
    seed: int
    partitions: int


def spec_of(plan: Plan, now_ms: int) -> Spec:
    """The population and the span of event time; the same all day for equal plans.

    The longest span, up to MONTHS_MAX, over which everybody's dues and some shopping fit
    into the events.

    Raises:
        RefusedError: There are too few events for so many people.
    """
    end_ms = now_ms // _DAY_MS * _DAY_MS
    spec = Spec(people=plan.people, months=MONTHS_MIN, end_ms=end_ms, seed=plan.seed)
    months_a_person = 1 - spec.newcomer_rate / 2
    a_month = (DUE_EVENTS_A_MONTH + _INTENSITY_MIN * FREE_EVENTS_A_MONTH) * months_a_person
    months = int((plan.events / plan.people - SETUP_EVENTS) / a_month)
    if months < MONTHS_MIN:
        fewest = round(plan.people * (SETUP_EVENTS + MONTHS_MIN * a_month))
        raise RefusedError(
            f"{plan.people:,} people make at least {fewest:,} events in {MONTHS_MIN} months: "
            "raise --events or lower --people"
        )
    span = Spec(plan.people, min(months, MONTHS_MAX), end_ms, plan.seed)
    return span.for_events(plan.events)
