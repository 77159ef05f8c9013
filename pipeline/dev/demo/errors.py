"""What ends a demo early."""

import signal

from pipeline.errors import SesameError


class DemoError(SesameError):
    """The demo cannot go on; the message says why and what would help."""


class InterruptedDemoError(SesameError):
    """Somebody ended the demo half-way; the command exits as shells expect, 128 + signal."""

    def __init__(self, number: int) -> None:
        name = signal.Signals(number).name
        super().__init__(f"ended half-way by {name}; nothing is left running")
        self.exit_code = 128 + number
