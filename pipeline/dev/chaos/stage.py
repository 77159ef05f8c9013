"""The stage of one scenario: topics of its own, a load that never pauses, workers, a witness."""

import secrets
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaException

from pipeline import provision, topics
from pipeline.dev.chaos.check import check
from pipeline.dev.chaos.children import Ended
from pipeline.dev.chaos.cluster import Cluster
from pipeline.dev.chaos.ends import Ends
from pipeline.dev.chaos.errors import ChaosError
from pipeline.dev.chaos.fleet import Fleet
from pipeline.dev.chaos.load import Load
from pipeline.dev.chaos.logs import positions
from pipeline.dev.chaos.verdict import Verdict
from pipeline.dev.chaos.witness import Witness
from pipeline.scoring.model import load_model
from pipeline.settings import Settings, load, variable
from pipeline.streaming import journal
from pipeline.streaming.position import Position

PARTNERS = ("car-rental", "microloan")
SESSION_S = 2
_TOLD = {
    "session_timeout_s": str(SESSION_S),
    "rebalance_timeout_s": "15",
    "transaction_timeout_s": "10",
    "request_timeout_s": "10",
    "watchdog_s": "60",
    # Small transactions, so that whatever happens happens among many.
    "batch_records_max": "200",
    "lane_records_max": "200",
    "lane_waiting_max": "1000",
}
_CAUGHT_UP_S = 180.0
_READ_S = 60.0
_LEADERS_S = 30.0
_REST_S = 5.0
_POLL_S = 0.2
_HISTORIES_OF = 10
"""Of one person in so many every score is computed again; of everybody the last."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much runs, and how much is sent."""

    workers: int = 2
    gateways: int = 0
    partitions: int = 4
    people: int = 150
    per_second: float = 400
    events: int = 240_000
    """More than are sent: the load has to outlast the fault."""


class Stage:
    """All that a scenario happens to, from an empty beginning to the oracle's word."""

    def __init__(self, cluster: Cluster, name: str, seed: int, plan: Plan) -> None:
        """Set up; nothing runs before it is entered.

        Args:
            cluster: The broker and who watches it.
            name: Of the topics' prefix, used once.
            seed: Of the population.
            plan: How much runs.
        """
        self.broker, self.plan, self._generations = cluster.broker, plan, cluster.generations
        self.directory = directory = cluster.directory / name
        directory.mkdir(parents=True)
        key = secrets.token_hex(32)
        self.settings: Settings = load(
            bootstrap=self.broker.bootstrap,
            partitions=plan.partitions,
            topic_prefix=f"{name}.",
            pseudonym_key=key,
            request_timeout_s=10,
            data_dir=directory / "data",
        )
        told = {
            **_TOLD,
            "bootstrap": self.broker.bootstrap,
            "partitions": str(plan.partitions),
            "topic_prefix": f"{name}.",
            "pseudonym_key": key,
            "data_dir": str(directory / "data"),
        }
        self.variables = {variable(setting): value for setting, value in told.items()}
        self.workers = Fleet("worker", self.variables, directory, cluster.nursery)
        self.gateways = Fleet("gateway", self.variables, directory, cluster.nursery)
        self.load = Load(self.settings, seed, plan.people, plan.events, plan.per_second)
        self.nursery = cluster.nursery
        self.others: list[Ended] = []
        """How processes of a scenario's own ended."""
        self._running = ExitStack()
        self._witness: Witness | None = None

    @property
    def groups(self) -> list[str]:
        """The consumer groups of the fleets."""
        return [self.group(self.workers), self.group(self.gateways)]

    def group(self, fleet: Fleet) -> str:
        """A fleet's consumer group."""
        settings = self.settings
        app_id = settings.app_id if fleet is self.workers else settings.gateway_app_id
        return settings.topic_prefix + app_id

    @property
    def witness(self) -> Witness:
        """Follows all that is written."""
        if self._witness is None:
            raise ChaosError("the stage was not entered")
        return self._witness

    def __enter__(self) -> Self:
        """Make the topics, start witness, workers and load."""
        with ExitStack() as starting:
            starting.callback(self.workers.close)
            starting.callback(self.gateways.close)
            provision.ensure_topics(self.settings, PARTNERS)
            self._witness = starting.enter_context(self._new_witness())
            self.workers.want(self.plan.workers)
            self.gateways.want(self.plan.gateways)
            self.load.start()
            self.workers.until_ready()
            self.gateways.until_ready()
            self._running = starting.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End everything at once."""
        self._running.__exit__(kind, error, traceback)

    def generations(self) -> int:
        """Assignments that this stage's groups have had."""
        return self._generations.of(self.groups)

    def go_on(self, seconds: float) -> None:
        """Let it run for so long."""
        self.until(lambda: False, seconds, must=False)

    def until(
        self, holds: Callable[[], bool], seconds: float, what: str = "", *, must: bool = True
    ) -> bool:
        """Let it run until something holds, for at most so long; whether it does.

        Raises:
            ChaosError: It does not and must; or load or fleets have broken off.
        """
        deadline = time.monotonic() + seconds
        while not holds():
            self.check()
            if time.monotonic() > deadline:
                if must:
                    raise ChaosError(f"{what} not after {seconds:.0f} s")
                return False
            time.sleep(min(_POLL_S, max(0.0, deadline - time.monotonic())))
        return True

    def check(self) -> None:
        """Raise what load or fleets met."""
        self.load.check()
        self.workers.check()
        self.gateways.check()

    def applied(self) -> int:
        """Input records in the workers' transactions so far."""
        latest = {r.partition: r.value for r in self.witness.records(topics.JOURNAL) if r.value}
        applied = (journal.decode(value).position.applied for value in latest.values())
        return sum(offset + 1 for position in applied for offset in position.values())

    def until_applied(self, more: int, seconds: float = 90.0) -> None:
        """Let it run until so many more records are applied."""
        goal = self.applied() + more
        self.until(lambda: self.applied() >= goal, seconds, f"{more} more records applied:")

    def settle(self) -> Verdict:
        """End the load, let everything be applied, end the fleets in order, ask the oracle.

        Raises:
            ChaosError: What was sent is not applied in time.
        """
        self.load.end()
        self.workers.want(max(1, self.plan.workers))
        self._until_caught_up()
        if self.plan.gateways:
            self._until_gateways_rest()
        self.workers.want(0)
        self.gateways.want(0)
        self.witness.until_read(_READ_S)
        return check(
            self.settings,
            self.witness,
            load_model(self.settings.model),
            sent=self.load.acknowledged,
            histories_of=_HISTORIES_OF,
        )

    def _new_witness(self) -> Witness:
        deadline = time.monotonic() + _LEADERS_S
        while True:
            try:
                Ends(self.settings).written(
                    (self.settings.topic(topic.name), number)
                    for topic in topics.ALL
                    for number in range(self.plan.partitions)
                )
            except KafkaException:
                # New topics' leaders are not known everywhere at once.
                if time.monotonic() > deadline:
                    raise
                time.sleep(_POLL_S)
            else:
                # Without a gateway nobody shows partners anything.
                return Witness(self.settings, PARTNERS if self.plan.gateways else ())

    def _until_caught_up(self) -> None:
        deadline = time.monotonic() + _CAUGHT_UP_S
        while behind := self.witness.behind(_CAUGHT_UP_S) or self._gateways_behind():
            self.workers.check()
            self.gateways.check()
            if time.monotonic() > deadline:
                children = [*self.workers.running, *self.gateways.running]
                tails = "\n".join(child.log_tail for child in children)
                raise ChaosError(f"{behind} records behind after {_CAUGHT_UP_S:.0f} s: {tails}")
            time.sleep(_POLL_S)

    def _until_gateways_rest(self) -> None:
        """Wait until the gateways have looked at every grant again, as each does when it starts.

        No position tells of that: they have when they have written nothing for a while.
        """
        self.gateways.until_ready()
        changelog = self.settings.topic(topics.GATEWAY_CHANGELOG.name)
        parts = [(changelog, number) for number in range(self.plan.partitions)]
        ends, since = Ends(self.settings), time.monotonic()
        written: dict[tuple[str, int], int] = {}
        while time.monotonic() - since < _REST_S:
            if (now := ends.written(parts)) != written:
                written, since = now, time.monotonic()
            time.sleep(_POLL_S)

    def _gateways_behind(self) -> int:
        """Scores and consents that the gateways have not applied."""
        if not self.plan.gateways:
            return 0
        due: dict[tuple[str, int], int] = {}
        for record in self.witness.records(topics.SCORES):
            due[topics.SCORES.name, record.partition] = record.offset
        for sent in self.load.acknowledged:
            if sent.topic == topics.CONSENTS.name:
                place = sent.topic, sent.partition
                due[place] = max(due.get(place, -1), sent.offset)
        reached = positions(self.settings, topics.GATEWAY_CHANGELOG)
        return sum(
            max(0, offset + 1 - reached.get(number, Position()).next_offset(name))
            for (name, number), offset in due.items()
        )
