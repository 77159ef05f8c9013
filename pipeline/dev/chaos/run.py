"""A chaos run: scenarios one after the other, until enough was broken."""

import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import KafkaException
from kafka.errors import KafkaError

from pipeline import provision
from pipeline.dev.chaos.cluster import Cluster
from pipeline.dev.chaos.errors import ChaosError
from pipeline.dev.chaos.report import Outcome, Report
from pipeline.dev.chaos.scenarios.base import Scenario
from pipeline.dev.chaos.scenarios.kills import KillsAtFailpoints
from pipeline.dev.chaos.scenarios.moves import RebalanceStorm
from pipeline.dev.chaos.scenarios.table import SCENARIOS
from pipeline.dev.chaos.stage import Stage
from pipeline.errors import SesameError
from pipeline.settings import Settings

MINUTES_MAX = 24 * 60.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """How much is to be broken.

    All named scenarios are run once. Then kills and rebalances go on until there are as many
    as are wanted, or ``minutes`` are over; nothing is begun after that.
    """

    seed: int
    scenarios: Sequence[type[Scenario]]
    kills: int = 0
    rebalances: int = 0
    minutes: float = MINUTES_MAX


def run(wanted: Wanted, told: Callable[[Outcome], None], directory: Path | None = None) -> Report:
    """Break everything that is wanted, and ask the oracle after each.

    Args:
        wanted: What.
        told: Is given each outcome as soon as there is one.
        directory: Kept, with all logs; none takes a temporary one.
    """
    if directory is None:
        with tempfile.TemporaryDirectory(prefix="sesame-chaos-") as made:
            return run(wanted, told, Path(made))
    report = Report(wanted.seed)
    began = time.monotonic()
    with Cluster(directory) as cluster:
        for number, scenario in enumerate(_sequence(wanted, report, began)):
            lacking = scenario.missing()
            if lacking is not None:
                report.skipped[scenario.name] = lacking
                continue
            outcome = _play(cluster, scenario, number, wanted.seed)
            report.outcomes.append(outcome)
            told(outcome)
    report.seconds = time.monotonic() - began
    return report


def _sequence(wanted: Wanted, report: Report, began: float) -> Iterator[type[Scenario]]:
    def has_time() -> bool:
        return time.monotonic() - began < wanted.minutes * 60

    for scenario in wanted.scenarios:
        if has_time():
            yield scenario
    while has_time():
        if report.kills < wanted.kills:
            yield KillsAtFailpoints
        elif report.rebalances < wanted.rebalances:
            yield RebalanceStorm
        else:
            return


def _play(cluster: Cluster, scenario: type[Scenario], number: int, seed: int) -> Outcome:
    """One scenario; what goes wrong in it is its outcome, and the next one follows."""
    own_seed = seed * 1_000 + number
    stage = Stage(cluster, f"{number:02}-{scenario.name}", own_seed, scenario.plan)
    played = scenario(stage, random.Random(own_seed))  # noqa: S311 - faults, not keys
    began, verdict, error = time.monotonic(), None, None
    try:
        with played.open, stage:
            played.run()
            verdict = stage.settle()
            played.conclude()
    except (SesameError, KafkaException, KafkaError) as raised:
        error = str(raised) or repr(raised)
    endings = [*stage.workers.endings, *stage.gateways.endings, *stage.others]
    outcome = Outcome(
        scenario=scenario.name,
        seed=own_seed,
        seconds=time.monotonic() - began,
        kills=sum(ended.killed for ended in endings),
        rebalances=stage.generations(),
        broker_faults=played.broker_faults,
        exits=dict(Counter(ended.status for ended in endings)),
        points=tuple(e.orders.partition(":")[0] for e in endings if e.killed and e.orders),
        verdict=verdict,
        error=error,
    )
    if outcome.holds:
        _clear(stage.settings)
    if not cluster.broker.running:
        cluster.broker.start()
    return outcome


def _clear(settings: Settings) -> None:
    """Delete a stage's topics, as a broker slows down with thousands of partitions."""
    try:
        with provision.admin(settings) as client:
            names = [n for n in client.list_topics() if n.startswith(settings.topic_prefix)]
            client.delete_topics(names)
    except KafkaError as error:
        raise ChaosError(f"{settings.topic_prefix}* cannot be deleted: {error}") from error


def chosen(names: Sequence[str]) -> list[type[Scenario]]:
    """Scenarios by name, in the order given; all for none.

    Raises:
        ChaosError: A name is unknown.
    """
    unknown = [name for name in names if name not in SCENARIOS]
    if unknown:
        known = ", ".join(SCENARIOS)
        raise ChaosError(f"there is no scenario {', '.join(unknown)}; there are {known}")
    return [SCENARIOS[name] for name in names] or list(SCENARIOS.values())
