"""The comparison with every peer: rounds of runs in turn, and scores held equal."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from pipeline.codec.open import open_registry
from pipeline.dev.bench import check, ours, systems
from pipeline.dev.bench.arithmetic import OURS, Run, Summary, ratios, summarise
from pipeline.dev.bench.peers.registry import Share, System, in_turn, probe
from pipeline.dev.bench.readback import Written
from pipeline.dev.bench.systems import Bench, Measured
from pipeline.dev.bench.workload import Workload


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run, so many rounds of it; slow systems get ``few``."""

    systems: Sequence[System]
    all: Workload
    few: Workload
    runs: int

    def workload(self, system: System) -> Workload:
        """What a system gets."""
        return self.all if system.share is Share.ALL else self.few


@dataclass(frozen=True, slots=True)
class Several:
    """So many workers of ours as a system, and its rate over each other system's."""

    system: str
    workers: int
    ratios: dict[str, float]


@dataclass(slots=True)
class Peers:
    """All runs; by system what it was, what it got, and whose scores were compared with ours.

    ``written`` has by system what each of its runs wrote of the timed events; ``workers`` how
    many of ours, or of the copies, each of those systems is.
    """

    few: Workload
    versions: dict[str, str]
    shares: dict[str, str]
    left_out: dict[str, str]
    workers: dict[str, int] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)
    written: dict[str, list[Written]] = field(default_factory=lambda: defaultdict(list))
    checked: dict[str, check.Checked] = field(default_factory=dict)

    @property
    def summaries(self) -> list[Summary]:
        """Each system's medians."""
        return summarise(self.runs)

    @property
    def ratios(self) -> dict[str, float]:
        """One worker of ours over each other system."""
        return self._over_others(OURS)

    @property
    def several(self) -> Several | None:
        """Several workers of ours over each other system; None: no more than one was measured."""
        number = max(self.workers.values(), default=1)
        if number == 1:
            return None
        system = ours.named(OURS, number)
        return Several(system, number, self._over_others(system))

    def _over_others(self, system: str) -> dict[str, float]:
        """A system of ours over each other, but for the copies: each is the limit of as many."""
        number = self.workers.get(system)
        copies = {ours.named(systems.COPY, n) for n in self.workers.values() if n != number}
        found = ratios(self.runs, system)
        return {name: ratio for name, ratio in found.items() if name not in copies}

    @property
    def published(self) -> dict[str, float]:
        """By system, records it wrote to ``scores`` and ``peer-signals`` an event: medians."""
        return {
            system: median(
                written.published / run.events
                for written, run in zip(
                    wrote, (run for run in self.runs if run.system == system), strict=True
                )
            )
            for system, wrote in self.written.items()
        }

    def add(self, measured: Measured) -> None:
        """Take a run."""
        self.runs.append(measured.run)
        self.written[measured.run.system].append(measured.written)

    def as_json(self) -> dict[str, Any]:
        """All of it, for programs."""
        return {
            "runs": [asdict(run) for run in self.runs],
            "ratios": self.ratios,
            "several": None if self.several is None else asdict(self.several),
            "summaries": [asdict(summary) for summary in self.summaries],
            "published": self.published,
            "written": {name: wrote[0].as_json() for name, wrote in self.written.items()},
            "few": asdict(self.few),
            "versions": self.versions,
            "shares": self.shares,
            "left_out": self.left_out,
            "checked": {name: asdict(found) for name, found in self.checked.items()},
        }


@dataclass(slots=True)
class _Checks:
    """Our scores of each workload, found once."""

    bench: Bench
    ours: dict[Workload, check.Scores] = field(default_factory=dict)

    def keep(self, workload: Workload, measured: Measured) -> None:
        """Those of a run of ours."""
        registry = open_registry(measured.settings)
        self.ours[workload] = check.final_scores(measured.settings, registry)

    def compare(self, workload: Workload, measured: Measured) -> check.Checked:
        """Hold a peer's run against ours on the same workload.

        Raises:
            DifferentScoresError: Anybody's score differs.
        """
        theirs = check.final_scores(measured.settings, open_registry(measured.settings))
        if workload not in self.ours:
            self.bench.say(f"check: our scores of {workload.people:,} people")
            with systems.topics_of(self.bench, "check") as settings:
                self.keep(workload, ours.run_sesame(self.bench, workload, 0, settings))
        return check.same_scores(self.ours[workload], theirs)


def compare(bench: Bench, plan: Plan) -> Peers:
    """Run every system that can run here ``plan.runs`` times, in turn; check scores once.

    Raises:
        SesameError: A system ended, stood still, lost events or scored differently.
    """
    versions, left_out = probe(plan.systems, bench.say)
    running = [system for system in plan.systems if system.name in versions]
    shares = {system.name: system.share.value for system in running}
    workers = {system.name: system.workers for system in running if system.workers}
    found, checks = Peers(plan.few, versions, shares, left_out, workers), _Checks(bench)
    for number in range(1, plan.runs + 1):
        for system in in_turn(running, number):
            workload = plan.workload(system)
            with systems.topics_of(bench, system.name) as settings:
                measured = system.run(bench, workload, number, settings)
                if number == 1 and system.name == OURS:
                    checks.keep(workload, measured)
                elif number == 1 and system.scores:
                    found.checked[system.name] = checks.compare(workload, measured)
            found.add(measured)
    return found
