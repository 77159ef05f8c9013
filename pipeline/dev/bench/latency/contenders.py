"""Who is measured: our worker as it comes and as tuned, with a gateway behind it, and peers."""

import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from pipeline import topics
from pipeline.dev.bench import jvm, systems
from pipeline.dev.bench.child import Child
from pipeline.dev.bench.jvm import Tuning
from pipeline.dev.bench.jvm_build import JvmBuildError
from pipeline.dev.bench.latency.probes import PARTNER_ID
from pipeline.dev.bench.systems import Bench
from pipeline.errors import RefusedError
from pipeline.resources import partners_file
from pipeline.settings import Settings, variable

Start = Callable[[Bench, Settings, int], AbstractContextManager[Child]]
"""Starts a system on topics that exist; within the context it takes events. The number is that of
the run, of all systems' together, for names of logs and folders."""


_AS_IT_COMES = Tuning(exactly_once=True, gc=jvm.AS_THE_JVM_COMES)
_FOR_LATENCY = Tuning(
    exactly_once=True,
    commit_ms=10,
    linger_ms=0,
    poll_ms=5,
    task_idle_ms=-1,
    gc=(*jvm.AS_THE_JVM_COMES, "-XX:MaxGCPauseMillis=10"),
)
"""Commits each 10 ms, sends at once, and waits for records no longer than half a commit."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A system under load.

    ``group`` is the consumer group whose committed offsets say how far it is, without the
    topics' prefix; ``topic`` is where its answers are read.
    """

    name: str
    start: Start
    group: str = "bench"
    topic: str = topics.SCORES.name
    partner: bool = False
    """Whether the answers are those that the partner reads."""
    on_jvm: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    """What differs from the defaults, for the record."""


def worker(name: str = systems.SESAME) -> Contender:
    """Our worker as it comes."""

    @contextmanager
    def start(bench: Bench, settings: Settings, number: int) -> Iterator[Child]:
        command = systems.command("pipeline.cli.main", "worker")
        told = systems.environment(settings)
        with Child(command, told, bench.folder / f"{name}-{number}.log") as child:
            systems.wait_ready(settings.web_port, child)
            yield child

    return Contender(name, start)


def with_gateway(name: str = "gateway") -> Contender:
    """Our worker and the gateway behind it, as the partner sees both."""
    upstream = worker(name)

    @contextmanager
    def start(bench: Bench, settings: Settings, number: int) -> Iterator[Child]:
        told = systems.environment(settings) | {
            variable("partners_file"): str(partners_file()),
            variable("pseudonym_key"): KEY,
            variable("data_dir"): str(bench.folder / "data"),
        }
        command = systems.command("pipeline.cli.main", "gateway")
        with (
            upstream.start(bench, settings, number) as child,
            Child(command, told, bench.folder / f"{name}-{number}-gateway.log") as gateway,
        ):
            systems.wait_ready(settings.gateway_port, gateway)
            yield child

    topic = topics.partner_scores(PARTNER_ID).name
    return Contender(name, start, topic=topic, partner=True)


def kafka_streams(name: str, tuning: Tuning) -> Contender:
    """The peer on Kafka Streams in its exactly-once mode."""

    @contextmanager
    def start(bench: Bench, settings: Settings, number: int) -> Iterator[Child]:
        with jvm.peer(bench, jvm.KAFKA_STREAMS, number, settings, tuning) as child:
            yield child

    return Contender(name, start, on_jvm=True, settings=tuning.told())


def known() -> list[Contender]:
    """Everybody, in the order of a round."""
    return [
        worker(),
        with_gateway(),
        kafka_streams(jvm.KAFKA_STREAMS, _AS_IT_COMES),
        kafka_streams(f"{jvm.KAFKA_STREAMS}-tuned", _FOR_LATENCY),
    ]


def choose(names: Collection[str]) -> list[Contender]:
    """The contenders of these names, all if there are none.

    Raises:
        RefusedError: A name is unknown.
    """
    contenders = known()
    offered = [each.name for each in contenders]
    if unknown := sorted(set(names).difference(offered)):
        there_are = ", ".join(offered)
        raise RefusedError(f"no contender is named {', '.join(unknown)}; there are {there_are}")
    return [each for each in contenders if not names or each.name in names]


def able_to_run(
    bench: Bench, contenders: Sequence[Contender]
) -> tuple[list[Contender], dict[str, str]]:
    """Those who can run here, built and ready; and of the others, why they cannot, by name."""
    ours = [each for each in contenders if not each.on_jvm]
    theirs = [each for each in contenders if each.on_jvm]
    if not theirs:
        return ours, {}
    try:
        jvm.version(jvm.KAFKA_STREAMS, bench.settings, bench.say)
    except JvmBuildError as error:
        return ours, {each.name: str(error) for each in theirs}
    return [*ours, *theirs], {}


KEY = secrets.token_hex(32)
"""The gateway's, for this process's runs."""
