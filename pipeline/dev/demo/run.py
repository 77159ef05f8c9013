"""The course of a demo, from an empty machine to its outcome."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from pipeline import provision, settings
from pipeline.codec.open import open_registry
from pipeline.dev.demo import cluster
from pipeline.dev.demo.background import Background
from pipeline.dev.demo.errors import InterruptedDemoError
from pipeline.dev.demo.expected import count_enrolled, count_shown
from pipeline.dev.demo.interrupts import Interrupts
from pipeline.dev.demo.outputs import Outputs
from pipeline.dev.demo.plan import BAD_SHARE, REPEAT_SHARE, Plan, spec_of
from pipeline.dev.demo.play import Stage, play
from pipeline.dev.demo.portraits import Portrait, portraits
from pipeline.dev.demo.progress import Progress
from pipeline.dev.demo.result import Result
from pipeline.dev.demo.services import Services, check_port
from pipeline.dev.demo.workspace import Workspace
from pipeline.dev.simulator import simulate
from pipeline.dev.simulator.consents_first import ConsentsFirst
from pipeline.dev.simulator.history import History
from pipeline.dev.simulator.traffic import Mistakes
from pipeline.partners.registry import load_registry
from pipeline.resources import partners_file
from pipeline.scoring.model import load_model
from pipeline.settings import Settings

_LOOK_S = 0.5
_DRAW_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Running:
    """Where a demo that was kept can be looked at; ``environment`` points commands at it."""

    environment: dict[str, str]
    worker_url: str
    gateway_url: str
    partner_urls: dict[str, str]
    logs: Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result, three people of it in words, and where it still runs, if it is kept."""

    result: Result
    portraits: list[Portrait]
    running: Running | None


def run(
    plan: Plan, progress: Progress, present: Callable[[Outcome], None], *, keep: bool
) -> Result:
    """Run a demo and leave nothing behind, however it ends.

    Args:
        plan: Its size.
        progress: Where it tells how far it is.
        present: Called once with the outcome, before anything is stopped.
        keep: Leave everything running afterwards, until somebody wants it to end.

    Raises:
        SesameError: It could not be finished; the message says why.
        InterruptedDemoError: Somebody ended it before the outcome was there.
    """
    began = time.monotonic()
    given = settings.load()
    model = load_model(given.model)
    spec = spec_of(plan, _now_ms())
    check_port(given)
    drawing = Background(lambda: simulate(spec))
    with (
        Interrupts() as interrupts,
        Workspace() as workspace,
        progress,
        _kafka(given, plan, workspace.directory, progress, interrupts) as kafka,
    ):
        current = kafka.settings
        services = Services(kafka, workspace.directory, interrupts.sleep)
        try:
            stage = Stage(current, services, progress, interrupts)
            result = _play_through(stage, drawing, began)
            running = _keep(services, current, workspace.directory) if keep else None
            progress.close()
            present(Outcome(result, portraits(result.scores.values(), model), running))
            if keep:
                _wait_for_the_end(services, interrupts)
            services.stop()
        finally:
            services.kill()
    return result


def _kafka(
    given: Settings, plan: Plan, directory: Path, progress: Progress, interrupts: Interrupts
) -> AbstractContextManager[cluster.Cluster]:
    if cluster.is_given(given):
        return cluster.given_kafka(given, plan.partitions, progress)
    return cluster.own_kafka(directory / "broker", plan.partitions, progress, interrupts)


def _play_through(stage: Stage, drawing: Background[History], began: float) -> Result:
    current, progress = stage.settings, stage.progress
    history = _drawn(drawing, stage)
    _create_topics(stage)
    _start(stage)
    registry = open_registry(current)
    mistakes = Mistakes(BAD_SHARE, REPEAT_SHARE, current.lateness_days)
    traffic = ConsentsFirst(history, registry, mistakes)
    with Outputs(current, registry) as outputs:
        progress.begin("Playing them, with bad records and repeats in between")
        played = play(traffic, outputs, stage)
        progress.end("Played and applied, every one")
    progress.begin("Asking the partners")
    summaries = stage.services.stop_partners()
    progress.end("The partners have decided")
    scores = outputs.scores()
    scored = {key.decode() for key, score in scores.items() if score["status"] == "SCORED"}
    return Result(
        population=len(history.users),
        months=history.spec.months,
        seed=history.spec.seed,
        partitions=current.partitions,
        sent=played.sent,
        outcomes=played.reading.outcomes,
        signals=played.reading.signals_taken,
        lag=played.lag,
        seconds=played.seconds,
        total_seconds=time.monotonic() - began,
        enrolled=count_enrolled(history),
        scores=scores,
        score_records=outputs.score_records,
        dead_letters=outputs.dead_letters,
        decisions={name: said["decisions"] for name, said in summaries.items()},
        shown={name: count_shown(history, name, scored, _now_ms()) for name in summaries},
    )


def _drawn(drawing: Background[History], stage: Stage) -> History:
    stage.progress.begin("Simulating people")
    while not drawing.wait(_DRAW_POLL_S):
        stage.interrupts.check()
    history = drawing.result()
    stage.progress.end(
        f"{len(history.users):,} simulated people, {len(history):,} events "
        f"of {history.spec.months} months"
    )
    return history


def _create_topics(stage: Stage) -> None:
    current = stage.settings
    registry = load_registry(current.partners_file or partners_file())
    stage.progress.begin("Creating topics")
    made = provision.ensure_topics(current, list(registry.partners))
    stage.progress.end(f"{len(made)} topics of {current.partitions} partitions")
    stage.interrupts.check()


def _start(stage: Stage) -> None:
    stage.progress.begin("Starting a worker, the gateway and the partner services")
    stage.services.start()
    names = ", ".join(partner.partner_id for partner in stage.services.partners)
    stage.progress.end(f"A worker, the gateway and the partner services {names}")


def _keep(services: Services, current: Settings, logs: Path) -> Running:
    """The partners have ended to give their account; they begin again from the topics."""
    services.start_partners()
    return Running(
        environment=cluster.unusual(current) | services.keys(),
        worker_url=services.worker_url,
        gateway_url=services.gateway_url,
        partner_urls={p.partner_id: p.endpoint.url for p in services.partners},
        logs=logs,
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _wait_for_the_end(services: Services, interrupts: Interrupts) -> None:
    try:
        while True:
            interrupts.sleep(_LOOK_S)
            services.check()
    except InterruptedDemoError:
        return
