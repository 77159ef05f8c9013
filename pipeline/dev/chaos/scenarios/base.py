"""What every scenario is."""

import random
import signal
from abc import ABC, abstractmethod
from contextlib import ExitStack
from typing import ClassVar

from pipeline.dev.chaos.children import Child
from pipeline.dev.chaos.errors import ChaosError
from pipeline.dev.chaos.fleet import Fleet
from pipeline.dev.chaos.stage import SESSION_S, Plan, Stage
from pipeline.failpoints import Action, Failpoint, Order

_CAUGHT_S = 60.0


class Scenario(ABC):
    """A fault under load; the oracle is asked when ``run`` has returned.

    Args:
        stage: What it happens to; load, workers and witness run.
        rng: Its only source of chance.
    """

    name: ClassVar[str]
    promise: ClassVar[str]
    """What holds beside that nothing is lost, doubled or left out."""
    plan: ClassVar[Plan] = Plan()

    def __init__(self, stage: Stage, rng: random.Random) -> None:
        self.stage = stage
        self.rng = rng
        self.broker_faults = 0
        self.open = ExitStack()
        """Closed when the scenario is over."""

    @abstractmethod
    def run(self) -> None:
        """Bring the fault about, and wait until it is over.

        Raises:
            ChaosError: It did not come about, or what was promised did not hold.
        """

    def conclude(self) -> None:  # noqa: B027 - few have more to look at
        """Look at what the oracle does not, once nothing more is written.

        Raises:
            ChaosError: What was promised did not hold.
        """

    @classmethod
    def missing(cls) -> str | None:
        """What the machine lacks for it, in words; None: nothing."""
        return None


def stop_at(fleet: Fleet, stage: Stage, point: Failpoint, nth: int) -> Child:
    """Replace a member by one that stands still (SIGSTOP) at a point; it does.

    Raises:
        ChaosError: It did not get there.
    """
    orders = iter([str(Order(point, nth, Action.STOP))])
    fleet.next_orders = lambda: next(orders, "")
    before = list(fleet.running)

    def replaced() -> list[Child]:
        return [child for child in fleet.running if child not in before]

    fleet.kill(before[0])
    stage.until(lambda: bool(replaced()), _CAUGHT_S, "a replacement")
    armed = replaced()[0]
    if not armed.until_stopped(_CAUGHT_S):
        raise ChaosError(f"{armed.title} never came to {point}: {armed.log_tail}")
    return armed


def be_dead_for_a_while(stage: Stage, child: Child, rng: random.Random) -> None:
    """Leave a standing process until its session is over, and then some, and let it go on."""
    stage.go_on(rng.uniform(1.5, 3.0) * SESSION_S)
    child.signal(signal.SIGCONT)
