"""Has aiokafka's transactions begin as soon as the broker lets them.

A commit is answered when it is decided, and the markers that make it visible are written after.
Until they are, the broker refuses the producer's next transaction, and aiokafka tries again 20 ms
later, whatever the markers take: on brokers close by a millisecond or few. A lane under load begins
one transaction after the other, so that is most of the time its transactions take. Here the first
tries come sooner, and each refusal doubles the wait, up to aiokafka's own.

aiokafka has no setting for it.
"""

from typing import Any

from aiokafka.producer.sender import BACKOFF_OVERRIDE, AddPartitionsToTxnHandler

FIRST_WAIT_S = 0.001
_DOUBLINGS_MAX = 10
"""Far beyond aiokafka's own wait, and far from what a float cannot hold."""


class EagerAddPartitions(AddPartitionsToTxnHandler):  # type: ignore[misc] # untyped
    """Adds partitions to a transaction; waits by the number of refusals in a row."""

    def handle_response(self, resp: Any) -> float | None:
        """Seconds until the next try; None when there is none to be made."""
        wait_s: float | None = super().handle_response(resp)
        refused = getattr(self._sender, "refused_in_a_row", 0)
        is_refused = wait_s == BACKOFF_OVERRIDE
        self._sender.refused_in_a_row = refused + 1 if is_refused else 0
        if is_refused:
            wait_s = min(FIRST_WAIT_S * 2 ** min(refused, _DOUBLINGS_MAX), BACKOFF_OVERRIDE)
        return wait_s
