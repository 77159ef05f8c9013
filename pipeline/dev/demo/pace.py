"""Events a second over the last moments."""

from collections import deque

WINDOW_S = 1.5


class Pace:
    """The slope of a counter over a sliding window.

    >>> pace = Pace()
    >>> pace.add(10.0, 0), pace.add(10.5, 1_000)
    (0.0, 2000.0)
    """

    def __init__(self, window_s: float = WINDOW_S) -> None:
        self._window_s = window_s
        self._points: deque[tuple[float, int]] = deque()

    def add(self, now_s: float, count: int) -> float:
        """Note the count and return its growth a second."""
        self._points.append((now_s, count))
        while len(self._points) > 2 and now_s - self._points[0][0] > self._window_s:  # noqa: PLR2004 - a slope has two ends
            self._points.popleft()
        first_s, first = self._points[0]
        return (count - first) / (now_s - first_s) if now_s > first_s else 0.0
