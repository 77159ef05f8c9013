"""The comparison: rounds of runs of every system, next to each other."""

from dataclasses import asdict, dataclass
from typing import Any

from pipeline.codec.open import open_registry
from pipeline.dev.bench import check, systems
from pipeline.dev.bench.arithmetic import Run, Summary, ratios, summarise
from pipeline.dev.bench.systems import COPY, FAUST, SESAME, Bench
from pipeline.dev.bench.workload import Workload


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run; the per-event peer gets ``peer``, the same mix of fewer people."""

    workload: Workload
    peer: Workload
    runs: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """All runs, what ours wrote in the first, and how the peer's scores were checked."""

    runs: list[Run]
    written: dict[str, Any]
    checked: check.Checked

    @property
    def summaries(self) -> list[Summary]:
        """Each system's medians."""
        return summarise(self.runs)

    @property
    def ratios(self) -> dict[str, float]:
        """Ours over each other system."""
        return ratios(self.runs)

    def as_json(self) -> dict[str, Any]:
        """All of it, for programs."""
        return {
            "runs": [asdict(run) for run in self.runs],
            "ratios": self.ratios,
            "summaries": [asdict(summary) for summary in self.summaries],
            "written": self.written,
            "checked": asdict(self.checked),
        }


def compare(bench: Bench, plan: Plan) -> Comparison:
    """Run every system ``plan.runs`` times, in turn, and check the peer's scores once.

    Raises:
        SesameError: A system ended, stood still, lost events or scored differently.
    """
    runs: list[Run] = []
    written: list[dict[str, Any]] = []
    checked: list[check.Checked] = []
    for number in range(1, plan.runs + 1):
        with systems.topics_of(bench, SESAME) as settings:
            ours = systems.run_sesame(bench, plan.workload, number, settings)
        with systems.topics_of(bench, COPY) as settings:
            copied = systems.run_copy(bench, plan.workload, number, settings, ours.written)
        with systems.topics_of(bench, FAUST) as settings:
            theirs = systems.run_faust(bench, plan.peer, number, settings)
            if not checked:
                scores = check.final_scores(settings, open_registry(settings))
                checked.append(_check(bench, plan.peer, scores))
        runs += [ours.run, copied.run, theirs.run]
        written.append({SESAME: ours.written.as_json(), COPY: copied.written.as_json()})
    return Comparison(runs, written[0], checked[0])


def _check(bench: Bench, workload: Workload, theirs: check.Scores) -> check.Checked:
    """Give our worker the peer's events, and compare everybody's score."""
    bench.say("check: our scores of the peer's people")
    with systems.topics_of(bench, "check") as settings:
        systems.run_sesame(bench, workload, 0, settings)
        ours = check.final_scores(settings, open_registry(settings))
    return check.same_scores(ours, theirs)
