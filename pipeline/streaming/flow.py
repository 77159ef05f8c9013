"""What a lane asks of the work it runs: the same lanes carry any flow.

    Flow ── take_over a partition ──► Owned ── apply what has come, work when time says ──► Sends

A flow says which topics its group consumes and how a partition's state is restored; what it
gives back owns the partition until the lane stops or a commit fails.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pipeline.streaming.records import Header, Record
from pipeline.topics import Topic

if TYPE_CHECKING:
    from pipeline.streaming.reader import PartitionReader
    from pipeline.streaming.transaction import TransactionalWriter
    from pipeline.streaming.waiting import Acknowledge, Taken


@dataclass(frozen=True, slots=True)
class Send:
    """Records for one partition of one topic: key, value and headers of each, in order.

    ``timestamp_ms`` is all records' Kafka timestamp; None: that of the moment they are sent.
    """

    topic: Topic
    partition: int
    records: Iterable[tuple[bytes | None, bytes | None, Sequence[Header]]]
    timestamp_ms: int | None = None


class Inlet(Protocol):
    """Where what is read outside the consumer group enters a lane."""

    @property
    def is_behind(self) -> bool:
        """Whether no more should be offered for now."""

    def offer(self, topic: str, records: Sequence[Record], acknowledge: "Acknowledge") -> None:
        """Hand over consecutive records of a topic (its name without the prefix).

        ``acknowledge`` is called once they are applied. A lane that stops drops what waits,
        unacknowledged: the next start is at the position again.
        """

    def pending(self, topic: str) -> int:
        """Records of a topic that were offered and are not applied yet."""

    def wake(self) -> None:
        """Have the owner asked for work although nothing has arrived."""

    def fail(self, error: BaseException) -> None:
        """End the worker: what feeds the lane cannot go on."""


class Owned(Protocol):
    """A partition this worker owns, and what advances it.

    If a method raises, what it was writing may or may not be committed: the lane suspends
    it, drops it and takes the partition over anew.
    """

    @property
    def has_work(self) -> bool:
        """Whether there is something to do now, without anything having arrived."""

    def due_in_s(self) -> float | None:
        """Seconds until time alone gives work, at least 0; None: it never does.

        Asked before each wait; once they have passed, ``has_work`` must say so.
        """

    async def begin(self) -> None:
        """Start, once, after it was taken over."""

    async def confirm(self) -> None:
        """Start again after a suspension.

        Raises:
            FencedError: Another worker took the partition meanwhile.
        """

    async def suspend(self) -> None:
        """Offer nothing more to the lane; called also when ``begin`` was not or has failed."""

    async def release(self, *, save: bool) -> None:
        """Let the state go: nothing is asked of it any more.

        What still refers to this one, in a cycle or from a traceback, must not keep the rows.

        Args:
            save: This worker begins with the state when it is started again.
        """

    async def apply(self, taken: "Taken") -> None:
        """Apply what has arrived, some of it maybe once more, in one transaction or several."""

    async def work(self) -> None:
        """Do some of the work there is, in one transaction; new arrivals go between two."""


class Flow(Protocol):
    """One kind of worker."""

    @property
    def name(self) -> str:
        """What the Faust agent is called."""

    @property
    def group(self) -> str:
        """Consumer group, and the start of every transactional id; the prefix comes before it."""

    @property
    def inputs(self) -> tuple[Topic, ...]:
        """What the group consumes, control topics first; all have the same partition count."""

    async def take_over(  # noqa: PLR0913 - each is a thing of its own
        self,
        partition: int,
        writer: "TransactionalWriter",
        reader: "PartitionReader",
        inlet: Inlet,
        on_restoring: Callable[[], None],
        on_committed: Callable[[], None],
    ) -> Owned:
        """Restore a partition's state.

        Args:
            partition: Its number.
            writer: Started: former owners are fenced.
            reader: Started.
            inlet: The lane, for what is read outside the group.
            on_restoring: To be called when the restore has advanced.
            on_committed: To be called after each commit.
        """

    def assigned(self) -> None:
        """The partitions are about to be other ones; no lane is at work."""

    async def close(self) -> None:
        """All lanes have ended."""

    def forget(self, partition: int) -> None:
        """Drop the metrics of a partition that is no longer owned."""
