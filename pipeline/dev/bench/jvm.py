"""The peers on the JVM: the same scoring in Java, on Kafka Streams and on Flink.

They are told by environment variables what any child is told, and where the model, the
schemas and a folder for state are; see ``bench/jvm``.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import topics
from pipeline.dev.bench.broker import Watch
from pipeline.dev.bench.child import Child
from pipeline.dev.bench.jvm_build import class_path, declared_version, java
from pipeline.dev.bench.peers.notes import NOTES
from pipeline.dev.bench.readback import read_outputs
from pipeline.dev.bench.systems import Bench, Measured, environment, release, wait_through
from pipeline.dev.bench.workload import Workload
from pipeline.errors import SesameError
from pipeline.resources import schemas_dir
from pipeline.scoring.model import MODELS_FOLDER, load_model
from pipeline.settings import Settings

KAFKA_STREAMS, FLINK = "kafka-streams", "flink"
_MAIN = {
    KAFKA_STREAMS: "sesame.bench.streams.StreamsPeer",
    FLINK: "sesame.bench.flink.FlinkPeer",
}
_BUILT_WITH = {KAFKA_STREAMS: "kafka-streams", FLINK: "flink-streaming-java"}
ON_JVM = tuple(_MAIN)
HEAP = "1 GiB"
_OPTIONS = (
    "-Xms1g",
    "-Xmx1g",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.org.apache.flink.metrics=error",
    # Flink looks into the JDK's own classes.
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
    "--add-opens=java.base/java.util=ALL-UNNAMED",
)

FOR_THROUGHPUT = ("-XX:+UseParallelGC",)
AS_THE_JVM_COMES = ("-XX:+UseG1GC",)
"""Its default with two processors and 2 GB or more, said so that no smaller machine differs."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """How a peer is set; None leaves what ``bench/jvm/README.md`` says.

    Args:
        exactly_once: Transactions, instead of outputs at least once.
        commit_ms: Between commits.
        linger_ms: What a producer waits for a batch to fill.
        poll_ms: What Kafka Streams waits for records before it sees to commits.
        task_idle_ms: What Kafka Streams waits for a partition that lags; -1: not at all.
        gc: The JVM's options for its collector.
    """

    exactly_once: bool = False
    commit_ms: int | None = None
    linger_ms: int | None = None
    poll_ms: int | None = None
    task_idle_ms: int | None = None
    gc: tuple[str, ...] = FOR_THROUGHPUT

    def told(self) -> dict[str, str]:
        """All of it, for the record."""
        return {**self.environment(), "JVM": " ".join(self.gc)}

    def environment(self) -> dict[str, str]:
        """The variables that tell it to the peer."""
        numbers = {
            "COMMIT_MS": self.commit_ms,
            "LINGER_MS": self.linger_ms,
            "POLL_MS": self.poll_ms,
            "TASK_IDLE_MS": self.task_idle_ms,
        }
        told = {f"SESAME_BENCH_{n}": str(v) for n, v in numbers.items() if v is not None}
        return {"SESAME_BENCH_EXACTLY_ONCE": str(self.exactly_once).lower(), **told}


_AS_ADVISED = Tuning()


def peer(
    bench: Bench, system: str, number: int, settings: Settings, tuning: Tuning = _AS_ADVISED
) -> Child:
    """A peer on the topics of ``settings``, built if it has to be and yet to be started.

    Raises:
        JvmBuildError: It cannot be built, or there is no Java.
    """
    built = class_path(system, settings.cache_dir, bench.say)
    state = bench.folder / f"{system}-state-{number}"
    table = bench.folder / f"{system}-probabilities.json"
    table.write_text(json.dumps(load_model(settings.model).lookup.probability.tolist()))
    told = {
        **environment(settings),
        **tuning.environment(),
        NOTES: str(notes_of(bench, system, number)),
        "SESAME_BENCH_LATENESS_DAYS": str(settings.lateness_days),
        "SESAME_BENCH_MODEL": str(MODELS_FOLDER / f"{settings.model}.toml"),
        "SESAME_BENCH_PROBABILITIES": str(table),
        "SESAME_BENCH_SCHEMAS": str(schemas_dir()),
        "SESAME_BENCH_STATE": str(state),
    }
    command = [str(java()), *_OPTIONS, *tuning.gc, "-cp", built, _MAIN[system]]
    return Child(command, told, bench.folder / f"{system}-{number}.log")


def version(system: str, settings: Settings, say: Callable[[str], None]) -> str:
    """What a peer runs on, such as ``kafka-streams 4.1.1``; it is built for that, once.

    Raises:
        JvmBuildError: It cannot be built or run here; the message says why.
    """
    java()
    class_path(system, settings.cache_dir, say)
    name = _BUILT_WITH[system]
    return f"{name} {declared_version(system, name)}"


def notes_of(bench: Bench, system: str, number: int) -> Path:
    """The file where a peer leaves how many events it applied, and when the last."""
    return bench.folder / f"{system}-notes-{number}.json"


def run_kafka_streams(
    bench: Bench,
    workload: Workload,
    number: int,
    settings: Settings,
    tuning: Tuning = _AS_ADVISED,
) -> Measured:
    """The peer on Kafka Streams, on backlogs that appear once it has applied the consents.

    The clock runs from the release of the second to the last event applied, as the peer
    notes it itself.

    Raises:
        SesameError: It cannot be built, ended, stood still or lost events.
    """
    return _run(bench, KAFKA_STREAMS, workload, number, settings, tuning)


def run_flink(bench: Bench, workload: Workload, number: int, settings: Settings) -> Measured:
    """The peer on Flink, as ``run_kafka_streams``."""
    return _run(bench, FLINK, workload, number, settings, _AS_ADVISED)


def _run(  # noqa: PLR0913 - as the callers have it
    bench: Bench,
    system: str,
    workload: Workload,
    number: int,
    settings: Settings,
    tuning: Tuning,
) -> Measured:
    child = peer(bench, system, number, settings, tuning)

    def started(watch: Watch) -> None:
        wait_through(bench, system, watch, child, watch.ends([topics.CONSENTS.name]))

    released = release(bench, system, settings, workload, child, started)
    noted: Mapping[str, Any] = json.loads(notes_of(bench, system, number).read_text())
    if noted["events"] != workload.data_events:
        raise SesameError(f"{system} took {noted['events']} of {workload.data_events} events")
    written = read_outputs(settings, released.ends)
    return released.measured(system, number, noted["last_at"], written)
