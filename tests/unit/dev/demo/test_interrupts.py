import os
import signal
import time

import pytest

from pipeline.dev.demo.errors import InterruptedDemoError
from pipeline.dev.demo.interrupts import Interrupts


def ask(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_request_to_end_is_noted_and_raised_where_it_is_safe(number: signal.Signals) -> None:
    with Interrupts() as interrupts:
        interrupts.check()
        ask(number)
        assert interrupts.noted
        with pytest.raises(InterruptedDemoError, match=number.name) as ended:
            interrupts.check()
    assert ended.value.exit_code == 128 + number


def test_waiting_ends_at_once() -> None:
    with Interrupts() as interrupts:
        ask(signal.SIGTERM)
        began = time.monotonic()
        with pytest.raises(InterruptedDemoError):
            interrupts.sleep(30)
        assert time.monotonic() - began < 15


def test_the_first_request_counts() -> None:
    with Interrupts() as interrupts:
        ask(signal.SIGTERM)
        ask(signal.SIGINT)
        with pytest.raises(InterruptedDemoError, match="SIGTERM"):
            interrupts.check()


def test_a_long_call_is_left_where_it_stands() -> None:
    def long_call(interrupts: Interrupts) -> None:
        with interrupts.at_once():
            ask(signal.SIGTERM)
            pytest.fail("went on")

    with Interrupts() as interrupts, pytest.raises(InterruptedDemoError):
        long_call(interrupts)


def test_the_handlers_of_before_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Interrupts():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before
