"""How latencies are told: percentiles over all samples, and a histogram of three digits."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import floor, log10

from pipeline.dev.bench.arithmetic import percentile

SHARES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
_DIGITS = 3
_NS_A_US = 1_000
_US_A_MS = 1_000


@dataclass(frozen=True, slots=True)
class Spread:
    """Latencies in milliseconds, exact, and how many samples they are of."""

    samples: int
    percentiles: Mapping[str, float]
    max_ms: float

    @classmethod
    def of(cls, latencies_ns: Sequence[int]) -> "Spread":
        """The percentiles of all of them.

        Raises:
            ValueError: There are none.
        """
        if not latencies_ns:
            raise ValueError("no latency was measured")
        ms = [ns / _NS_A_US / _US_A_MS for ns in latencies_ns]
        told = {name: percentile(ms, share) for name, share in SHARES.items()}
        return cls(len(ms), told, max(ms))

    def as_json(self) -> dict[str, float | int]:
        """For programs."""
        return {"samples": self.samples, **self.percentiles, "max": self.max_ms}


def histogram(latencies_ns: Iterable[int]) -> list[tuple[int, int]]:
    """Microseconds to three significant digits and how many samples, ascending.

    >>> histogram([1_234_567, 1_230_001, 99_000])
    [(99, 1), (1230, 2)]
    """
    return sorted(Counter(_rounded(ns // _NS_A_US) for ns in latencies_ns).items())


def _rounded(us: int) -> int:
    if us <= 0:
        return 0
    return round(us, -max(0, floor(log10(us)) + 1 - _DIGITS))
