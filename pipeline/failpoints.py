"""Named places between two steps where a process can be made to die or to stand still.

Only chaos runs arm them. While nothing is armed, passing one costs a look at a global; they
lie between batches and sends, never between records.
"""

import os
import signal
from dataclasses import dataclass
from enum import StrEnum


class Failpoint(StrEnum):
    """Every point; the part before the dot says what is under way."""

    LANE_TAKEN = "lane.taken"
    BATCH_DECODED = "batch.decoded"
    BATCH_FOLDED = "batch.folded"
    BATCH_SCORED = "batch.scored"
    TRANSACTION_BEGUN = "transaction.begun"
    TRANSACTION_SENT = "transaction.sent"
    """After each send of a transaction was handed over."""
    TRANSACTION_ALL_SENT = "transaction.all_sent"
    TRANSACTION_DELIVERED = "transaction.delivered"
    """The broker has acknowledged all of it; the commit is not asked for yet."""
    TRANSACTION_COMMITTED = "transaction.committed"
    BATCH_SCATTERED = "batch.scattered"
    LANE_ACKNOWLEDGED = "lane.acknowledged"
    RESTORE_FENCED = "restore.fenced"
    RESTORE_READ = "restore.read"
    RESTORE_APPLIED = "restore.applied"
    RESTORE_DONE = "restore.done"
    """The state is back; the topics are not checked and unread consents not applied yet."""
    RESTORE_BEGUN = "restore.begun"
    SWEEP_SCORED = "sweep.scored"
    SWEEP_COMMITTED = "sweep.committed"
    GATEWAY_APPLIED = "gateway.applied"
    GATEWAY_REVIEWED = "gateway.reviewed"
    GATEWAY_CAUGHT_UP = "gateway.caught_up"
    GATEWAY_COMMITTED = "gateway.committed"
    REPLAY_MADE = "replay.made"
    REPLAY_FOLDED = "replay.folded"
    REPLAY_WRITTEN = "replay.written"
    REPLAY_DELETED = "replay.deleted"
    """A former changelog is gone; the first is not made again yet."""
    SWITCH_FENCED = "switch.fenced"
    SWITCH_FOLDED = "switch.folded"
    SWITCH_COMMITTED = "switch.committed"
    SWITCH_SCORED = "switch.scored"


class Action(StrEnum):
    """What becomes of the process."""

    KILL = "kill"
    """SIGKILL: nothing is written or told any more."""
    STOP = "stop"
    """SIGSTOP: it stands still until somebody lets it go on, as a process that is swapped out."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to do at which passing of a point, counted from 1."""

    point: Failpoint
    nth: int = 1
    action: Action = Action.KILL

    def __str__(self) -> str:
        """As `parse` reads it."""
        return f"{self.point}:{self.nth}:{self.action}"


class UnreadableOrderError(ValueError):
    """Not an order; the message says what one is."""


_SIGNALS = {Action.KILL: signal.SIGKILL, Action.STOP: signal.SIGSTOP}
_armed: dict[Failpoint, list[Order]] | None = None
_passed: dict[Failpoint, int] = {}


def parse(text: str) -> list[Order]:
    """Orders separated by commas, each ``name[:nth[:action]]``.

    >>> [str(order) for order in parse("lane.taken:3,restore.read:2:stop")]
    ['lane.taken:3:kill', 'restore.read:2:stop']

    Raises:
        UnreadableOrderError: A name or an action is unknown, or a number is not one from 1 on.
    """
    return [_order(part.strip()) for part in text.split(",") if part.strip()]


def arm(orders: list[Order]) -> None:
    """Carry out these orders from now on, counting from now; none disarms."""
    global _armed  # noqa: PLW0603 - one look at a global is all that a point may cost
    _passed.clear()
    by_point: dict[Failpoint, list[Order]] = {}
    for order in orders:
        by_point.setdefault(order.point, []).append(order)
    _armed = by_point or None


def hit(point: Failpoint) -> None:
    """Pass a point; the process may not get any further."""
    if _armed is not None:
        _count(point, _armed)


def _count(point: Failpoint, armed: dict[Failpoint, list[Order]]) -> None:
    _passed[point] = nth = _passed.get(point, 0) + 1
    for order in armed.get(point, ()):
        if order.nth == nth:
            os.kill(os.getpid(), _SIGNALS[order.action])


def _order(text: str) -> Order:
    name, _, rest = text.partition(":")
    nth, _, action = rest.partition(":")
    if name not in set(Failpoint):
        raise UnreadableOrderError(f"there is no point {name}; there are {', '.join(Failpoint)}")
    if not (nth or "1").isdecimal() or int(nth or "1") < 1:
        raise UnreadableOrderError(f"{text}: which passing must be a number from 1 on")
    if (action or Action.KILL) not in set(Action):
        raise UnreadableOrderError(f"{text}: the action must be one of {', '.join(Action)}")
    return Order(Failpoint(name), int(nth or "1"), Action(action or Action.KILL))
