"""A simulated population's records, in the order producers would send them."""

import threading
from collections.abc import Iterable
from functools import cache
from itertools import islice

from pipeline.codec.reasons import Reason
from pipeline.codec.registry import FileRegistry
from pipeline.dev.simulator import Spec, simulate
from pipeline.dev.simulator.traffic import Mistakes, Traffic
from tests.integration.support.stream import Input, Stream

END_MS = 1_793_000_000_000
"""October 2026: all of the history lies before the tests run."""
_SENDS_A_SECOND = 10
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


class Load:
    """Records on their way from another thread, without a pause until ``end``."""

    def __init__(self, stream: Stream, inputs: Iterable[Input], per_second: float) -> None:
        self._stream, self._inputs, self._per_second = stream, inputs, per_second
        self._error: Exception | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Send no more; there must have been more to send all the time."""
        was_on = self._thread.is_alive()
        self._ending.set()
        self._thread.join()
        if self._error is not None:
            raise self._error
        assert was_on, "all was sent before the end"

    def _run(self) -> None:
        size = max(1, round(self._per_second / _SENDS_A_SECOND))
        try:
            left = iter(self._inputs)
            while chunk := list(islice(left, size)):
                self._stream.send(chunk)
                if self._ending.wait(1 / _SENDS_A_SECOND):
                    return
        except Exception as error:  # noqa: BLE001 - raised again in `end`
            self._error = error
