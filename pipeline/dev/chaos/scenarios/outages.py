"""The broker is restarted, killed, or stands still."""

import time
from typing import ClassVar

from pipeline.dev.chaos.errors import ChaosError
from pipeline.dev.chaos.scenarios.base import Scenario
from pipeline.dev.chaos.stage import Plan

_BACK_S = 120.0
_CAUGHT_S = 20.0
_POLL_S = 0.0005


class BrokerRestarted(Scenario):
    """Kafka is stopped in good order and started again on its data."""

    name = "broker-restarted"
    promise = "a restart of the broker is waited out; transactions under way are done again"
    plan: ClassVar[Plan] = Plan(workers=2, gateways=1)

    def run(self) -> None:
        """Restart it under load."""
        stage = self.stage
        stage.go_on(self.rng.uniform(1.0, 4.0))
        stage.broker.stop()
        self.broker_faults += 1
        stage.go_on(self.rng.uniform(0.0, 5.0))
        stage.broker.start()
        stage.until_applied(1_000, _BACK_S)


class BrokerKilled(Scenario):
    """Kafka dies by kill -9 while records are on their way to it."""

    name = "broker-killed"
    promise = "kill -9 of the broker in the middle of a produce loses nothing acknowledged"
    plan: ClassVar[Plan] = Plan(workers=2, gateways=1, per_second=800)

    KILLS: ClassVar[int] = 2

    def run(self) -> None:
        """Kill it twice, each time with unacknowledged records under way."""
        stage = self.stage
        for _ in range(self.KILLS):
            stage.go_on(self.rng.uniform(1.0, 4.0))
            self._wait_for_a_produce()
            stage.broker.kill()
            self.broker_faults += 1
            if not stage.load.on_the_way:
                raise ChaosError("nothing was on its way when the broker was killed")
            stage.broker.start()
            stage.until_applied(1_000, _BACK_S)

    def _wait_for_a_produce(self) -> None:
        deadline = time.monotonic() + _CAUGHT_S
        while not self.stage.load.on_the_way:
            if time.monotonic() > deadline:
                raise ChaosError("no record was on its way")
            time.sleep(_POLL_S)


class BrokerUnreachable(Scenario):
    """The broker's process stands still: connections stay open, nothing is answered."""

    name = "broker-unreachable"
    promise = "a minute without the broker is waited out; workers that give up are started again"
    plan: ClassVar[Plan] = Plan(workers=2, gateways=1, per_second=300)

    SECONDS: ClassVar[float] = 60.0

    def run(self) -> None:
        """Stop it for a minute."""
        stage = self.stage
        stage.go_on(self.rng.uniform(1.0, 4.0))
        stage.broker.pause()
        self.broker_faults += 1
        try:
            stage.go_on(self.SECONDS)
        finally:
            stage.broker.resume()
        stage.until_applied(1_000, _BACK_S)
