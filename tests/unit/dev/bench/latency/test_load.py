from collections.abc import Iterator
from itertools import repeat

import pytest

from pipeline import settings, topics
from pipeline.dev.bench.latency.load import Sender
from pipeline.dev.simulator.bad import Sent

NOBODY = "127.0.0.1:1"
"""Nobody listens there: what is sent stays with the producer."""


def events() -> Iterator[Sent]:
    return repeat(Sent(topics.PAYMENTS, b"ann", b"payment"), 500)


def test_what_still_waits_in_the_producer_is_no_lead(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = Sender(settings.load(bootstrap=NOBODY))
    monkeypatch.setattr(Sender, "flush", lambda _: None)
    supply = sender.keep_supplied(events(), 0.3, applied=lambda: 0, most=400)
    assert 400 < supply.sent <= 500
    # It was held still for nearly all of the time, and yet nobody could have fetched anything.
    assert supply.held_share > 0.5
    assert len(supply.leads) > 1
    assert max(supply.leads) <= 0
