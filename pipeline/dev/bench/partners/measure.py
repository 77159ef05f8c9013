"""Rounds of the pipeline, the gateway and a partner's decisions, next to each other."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from statistics import median
from typing import Any

from pipeline import topics
from pipeline.dev.bench import population, systems
from pipeline.dev.bench.arithmetic import Run, Summary, percentile, shares, summarise
from pipeline.dev.bench.ours import run_sesame
from pipeline.dev.bench.partners import decisions, gateway, news, people
from pipeline.dev.bench.partners.decisions import Decisions
from pipeline.dev.bench.partners.gateway import Audience, Followed
from pipeline.dev.bench.systems import SESAME, Bench, Measured
from pipeline.dev.bench.workload import END_MS, Workload
from pipeline.factors.months import month_of_ms
from pipeline.partners.registry import load_registry
from pipeline.resources import partners_file
from pipeline.scoring.model import load_model
from pipeline.scoring.scorecard import score

PARTNER_RECORDS = "partner-records"
"""What is written for partners: each is one grant of which a change was followed."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run: the pipeline on ``workload``, a gateway and a partner of so many people."""

    workload: Workload
    people: int
    decisions: int
    runs: int


@dataclass(frozen=True, slots=True)
class Partnership:
    """All runs, a gateway's round after the other, and the decisions asked for."""

    runs: list[Run]
    published_per_second: list[float]
    """Score records that the pipeline published, by round."""
    followed: list[Followed]
    decisions: list[Decisions]

    @property
    def over_published(self) -> float:
        """Scores the gateway followed over those the pipeline published: median of rounds."""
        pairs = zip(self.followed, self.published_per_second, strict=True)
        return median(each.scores.events_per_second / published for each, published in pairs)

    @property
    def summaries(self) -> list[Summary]:
        """Each system's medians."""
        return summarise(self.runs)

    @property
    def shares(self) -> dict[str, float]:
        """The gateway's rates over the pipeline's; grants it followed are partner records."""
        ours = [run.events_per_second for run in self.runs if run.system == SESAME]
        pairs = zip(self.followed, ours, strict=True)
        grants = median(each.partner_records_per_second / rate for each, rate in pairs)
        return shares(self.runs) | {PARTNER_RECORDS: grants}

    def as_json(self) -> dict[str, Any]:
        """All of it, for programs."""
        rates = [each.partner_records_per_second for each in self.followed]
        asked = list(chain.from_iterable(each.asked_ms for each in self.decisions))
        decided = list(chain.from_iterable(each.decided_us for each in self.decisions))
        return {
            "runs": [asdict(run) for run in self.runs],
            "ratios": self.shares,
            "summaries": [asdict(summary) for summary in self.summaries],
            "scores_published_per_second": median(self.published_per_second),
            "over_published": self.over_published,
            "partner_records": self.followed[0].partner_records,
            "partner_records_per_second": median(rates),
            "decision_ms": percentiles(asked),
            "decide_us": percentiles(decided),
            "outcomes": self.decisions[0].outcomes,
            "written": self.followed[0].written,
        }


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """What is told of latencies, over all rounds."""
    told = {"p50": percentile(values, 0.5), "p99": percentile(values, 0.99)}
    return {**told, "max": max(values), "n": len(values)}


def measure(bench: Bench, plan: Plan) -> Partnership:
    """Run everything ``plan.runs`` times, in turn.

    Raises:
        SesameError: A system ended or stood still, events were lost, or a partner was not
            shown exactly what it has to be.
    """
    audience = _audience(bench, plan)
    found = Partnership([], [], [], [])
    for number in range(1, plan.runs + 1):
        with systems.topics_of(bench, SESAME) as settings:
            ours = run_sesame(bench, plan.workload, number, settings)
        with gateway.topics_of(bench) as settings:
            followed = gateway.run(bench, audience, number, settings)
            found.decisions.append(
                decisions.measure(bench, followed.admitted, plan.decisions, number, settings)
            )
        found.runs.extend((ours.run, followed.consents, followed.scores))
        found.published_per_second.append(_published(ours) / ours.run.seconds)
        found.followed.append(followed)
    return found


def _published(ours: Measured) -> int:
    return ours.written.volumes[topics.SCORES.name].records


def _audience(bench: Bench, plan: Plan) -> Audience:
    """The people, and scores of simulated people for them."""
    settings, workload = bench.settings, plan.workload
    bench.say(f"folding {workload.data_events:,} events of {workload.people:,} people")
    model = load_model(settings.model)
    store = population.fold(workload, settings).store
    users = [user for chunk in store.chunks(len(store) or 1) for user in chunk]
    scores = score(store.gather(users).rows, int(month_of_ms(END_MS)), model)
    partners = load_registry(partners_file()).partners.values()
    thresholds = [terms.threshold for p in partners for terms in p.purposes.values()]
    audience = people.draw(plan.people, workload.seed)
    return Audience(audience, news.news(scores, thresholds, model))
