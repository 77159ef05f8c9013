"""What to simulate."""

import hashlib
from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True)
class Spec:
    """A population and its span of event time; equal specs give equal histories.

    ``end_ms`` is the end of the history, milliseconds since 1970: no event is later.
    ``intensity`` scales what people do at will (purchases, searches), not what falls due.
    Rates are shares of people between 0 and 1.

    Raises:
        ValueError: A value is out of its bounds.
    """

    people: int
    months: int
    end_ms: int
    seed: int = 1
    intensity: float = 1.0
    default_rate: float = 0.065
    unenrolled_rate: float = 0.10
    dormant_rate: float = 0.04
    newcomer_rate: float = 0.15
    withdrawal_rate: float = 0.04
    return_rate: float = 0.40

    def __post_init__(self) -> None:
        bounds = {
            "people": (1, 10_000_000),
            "months": (1, 120),
            "end_ms": (self.months * 32 * 86_400_000, 4_102_444_800_000),
            "intensity": (0.0, 1_000.0),
        }
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "seed":
                continue
            low, high = bounds.get(field.name, (0.0, 1.0))
            if not low <= value <= high:
                raise ValueError(f"{field.name} is {value}, must be from {low:g} to {high:g}")

    @property
    def tag(self) -> str:
        """Eight hex digits that differ between specs; every event id starts with them."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:8]

    def for_events(self, events: int) -> "Spec":
        """The same with the intensity that gives about ``events`` events.

        What falls due is a floor: fewer events than that leave the intensity at 0.
        """
        months = self.months * (1 - self.newcomer_rate / 2)
        wanted = (events / self.people - SETUP_EVENTS) / months - DUE_EVENTS_A_MONTH
        return replace(self, intensity=max(0.0, wanted / FREE_EVENTS_A_MONTH))


# Measured over 20,000 people and 12 months; a test holds `for_events` to 10 %.
DUE_EVENTS_A_MONTH = 5.2
"""Bills, repayments, salary, contracts: events of a person and month at intensity 0."""
FREE_EVENTS_A_MONTH = 10.7
"""Events of a person and month that intensity 1 adds."""
SETUP_EVENTS = 12.2
"""Consents, verifications and links of a person, whatever the span."""
