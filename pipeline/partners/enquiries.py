"""Telling on about whom was decided.

Each decision is told so that the person can see it. It is told soon and in batches; when the
broker is away for long the oldest are lost, and counted.
"""

import re
import threading
from collections import deque
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from pipeline.codec.encode import encode_records
from pipeline.codec.registry import SchemaRegistry
from pipeline.errors import SesameError
from pipeline.partners.delivery import Delivery, Parcel
from pipeline.partners.tally import Tally
from pipeline.settings import Settings
from pipeline.topics import partner_enquiries

AT_ONCE_MAX = 500
WAITING_MAX = 50_000
_SUBJECT = re.compile("[a-z2-7]{40}")
"""What the gateway makes: base32 of 25 bytes."""


class Enquiries:
    """Sends enquiries to the partner's topic; for any thread.

    Args:
        settings: Brokers, security, topic prefix.
        partner_id: Who asks.
        registry: Knows the schema of enquiries.
    """

    def __init__(self, settings: Settings, partner_id: str, registry: SchemaRegistry) -> None:
        self._topic = partner_enquiries(partner_id)
        self._registry = registry
        self._waiting: deque[tuple[str, str, int]] = deque()
        self._sending: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._sent = threading.Condition()
        self._delivery = Delivery(settings, settings.topic(self._topic.name), self)
        self.results = Tally()

    @property
    def waiting(self) -> int:
        """Enquiries not yet delivered."""
        return len(self._waiting) + len(self._sending)

    @property
    def problem(self) -> str | None:
        """What keeps enquiries from being delivered, in words."""
        return self._delivery.problem

    def start(self) -> None:
        """Start to send."""
        self._delivery.start()

    def stop(self, timeout_s: float) -> None:
        """Wait that long for what is still to be sent, if it can be, and stop.

        What is left then is lost, and counted.
        """
        if self._delivery.running:
            with self._sent:
                self._sent.wait_for(self._idle_or_stuck, timeout_s)
        self._delivery.end()
        self._delivery.join()
        self.results.add("lost", self.waiting)

    def ask(self, subject: str, purpose: str, now_ms: int) -> None:
        """Tell on that somebody was decided about."""
        if not _SUBJECT.fullmatch(subject):
            # Whatever was typed in, it is nobody's, and the gateway must not learn it.
            self.results.add("refused")
            return
        with self._lock:
            if len(self._waiting) >= WAITING_MAX:
                self._waiting.popleft()
                self.results.add("lost")
            self._waiting.append((subject, purpose, now_ms))
        self._delivery.wake()

    def flush(self, timeout_s: float) -> None:
        """Wait until everything is told.

        Raises:
            SesameError: Something is not.
        """
        with self._sent:
            if self._sent.wait_for(lambda: self.waiting == 0, timeout_s):
                return
        raise SesameError(f"enquiries still wait after {timeout_s:g} s ({self.waiting})")

    def _idle_or_stuck(self) -> bool:
        return self.waiting == 0 or self.problem is not None

    def take(self) -> Sequence[Parcel]:
        """See `Load.take`."""
        with self._lock:
            if not self._sending:
                number = min(AT_ONCE_MAX, len(self._waiting))
                self._sending = [_fields(*self._waiting.popleft()) for _ in range(number)]
            sending = self._sending
        values = encode_records(self._topic.subject, sending, self._registry)
        return [
            Parcel(number, fields["subject"].encode(), value)
            for number, (fields, value) in enumerate(zip(sending, values, strict=True))
        ]

    def done(self, delivered: Sequence[Parcel]) -> None:
        """See `Load.done`."""
        arrived = {parcel.number for parcel in delivered}
        with self._lock:
            self._sending = [f for n, f in enumerate(self._sending) if n not in arrived]
        self.results.add("sent", len(arrived))
        with self._sent:
            self._sent.notify_all()


def _fields(subject: str, purpose: str, now_ms: int) -> dict[str, Any]:
    return {
        "event_id": uuid4().hex,
        "subject": subject,
        "occurred_at": now_ms,
        "purpose": purpose,
    }
