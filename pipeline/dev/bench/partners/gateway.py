"""One run of the gateway: consents and then scores, each appearing all at once."""

import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pipeline import topics
from pipeline.codec.open import open_registry
from pipeline.codec.registry import SchemaRegistry
from pipeline.dev.bench import systems
from pipeline.dev.bench.arithmetic import Run, Window, run_of
from pipeline.dev.bench.backlog import Backlog
from pipeline.dev.bench.broker import Watch
from pipeline.dev.bench.child import Child
from pipeline.dev.bench.partners import expected, people, readback
from pipeline.dev.bench.partners.news import News
from pipeline.dev.bench.partners.people import CONSENTS_EACH, People
from pipeline.dev.bench.partners.readback import Phase
from pipeline.dev.bench.systems import Bench
from pipeline.dev.simulator.bad import Sent
from pipeline.dev.simulator.consents import PARTNERS
from pipeline.errors import SesameError
from pipeline.partners.registry import load_registry
from pipeline.resources import partners_file
from pipeline.settings import Settings, variable
from pipeline.topics import Topic

CONSENTS, SCORES = "gateway-consents", "gateway-scores"
ROUNDS = 3
"""Records of each person's score: the first is shown, and then every change."""
_MB = 1_000_000
_WARM_UP_PEOPLE = 1_000
_WARM_UP_SEED = 2**32
"""None that can be given."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Who granted what, and the scores there are of them."""

    people: People
    news: News


@dataclass(frozen=True, slots=True)
class Followed:
    """A run of the gateway: what it followed, wrote, and whom a partner can decide on."""

    consents: Run
    scores: Run
    partner_records: int
    written: dict[str, Any]
    admitted: dict[str, bool]
    """By subject, whether the first partner was last shown a yes."""

    @property
    def partner_records_per_second(self) -> float:
        """Records written for partners while scores were followed."""
        return self.partner_records / self.scores.seconds


def environment(bench: Bench, settings: Settings) -> dict[str, str]:
    """What a gateway or a partner is told: nothing of the user's own, and a key for the run."""
    own = bench.folder / "data"
    return systems.environment(settings) | {
        variable("partners_file"): str(partners_file()),
        # A key of the user's own would be made or used otherwise.
        variable("data_dir"): str(own),
    }


@contextmanager
def topics_of(bench: Bench) -> Iterator[Settings]:
    """Settings for a run, with both partners' topics."""
    with systems.topics_of(bench, "gateway", PARTNERS) as settings:
        yield settings


def run(bench: Bench, audience: Audience, number: int, settings: Settings) -> Followed:
    """Let a gateway follow everybody's consents, and then their scores as they change.

    Raises:
        SesameError: The gateway ended or stood still, or a partner was not shown exactly what
            it has to be.
    """
    registry = open_registry(settings)
    told = environment(bench, settings) | {variable("pseudonym_key"): secrets.token_hex(32)}
    log = bench.folder / f"gateway-{number}.log"
    child = Child(systems.command("pipeline.cli.main", "gateway"), told, log)
    users = audience.people.users
    with Watch(settings, settings.gateway_app_id) as watch, child:
        bench.say("gateway: starting")
        systems.wait_ready(settings.gateway_port, child)
        following = _Following(bench, settings, watch, child)
        following.follow(topics.CONSENTS, _enrolments(registry))
        granted = following.follow(topics.CONSENTS, audience.people.records(registry))
        peak_consents = child.peak_rss_bytes
        changes = [
            following.follow(topics.SCORES, audience.news.records(users, n, registry))
            for n in range(1, ROUNDS + 1)
        ]
        peak_scores = child.peak_rss_bytes
    bench.say("gateway: reading back what it wrote")
    found = readback.read(settings, PARTNERS)
    _check(found, audience)
    first, rest = _window(found, granted), [_window(found, change) for change in changes]
    return Followed(
        consents=run_of(CONSENTS, number, [first], child.samples, peak_consents / _MB),
        scores=run_of(SCORES, number, rest, child.samples, peak_scores / _MB),
        partner_records=sum(len(partner.shown) for partner in found.partners),
        written=found.as_json(),
        admitted=found.partners[0].admitted,
    )


@dataclass(frozen=True, slots=True)
class _Following:
    """A gateway that runs, and who watches it."""

    bench: Bench
    settings: Settings
    watch: Watch
    child: Child

    def follow(self, topic: Topic, records: Iterable[Sent]) -> Phase:
        """Have records appear on a topic all at once, and wait until they are followed."""
        self.bench.say(f"gateway: loading {topic.name}")
        before = self.watch.ends([topic.name])
        with Backlog(self.settings) as backlog:
            backlog.load(records)
            # Where nothing was loaded, the end may be behind the marker of a transaction.
            loaded = self.watch.ends([topic.name])
            ends = {where: end for where, end in loaded.items() if end > before[where]}
            released_at = time.time()
            backlog.release()
            systems.wait_through(self.bench, "gateway", self.watch, self.child, ends)
        records_loaded = sum(end - before[where] for where, end in ends.items())
        return Phase(
            topic.name, records_loaded, released_at, {p: end for (_, p), end in ends.items()}
        )


def _enrolments(registry: SchemaRegistry) -> Iterator[Sent]:
    """Consents of other people that show nobody anything: what is loaded lazily is loaded then.

    The pipeline, too, has applied consents before it is timed.
    """
    others = people.draw(_WARM_UP_PEOPLE, _WARM_UP_SEED)
    return islice(others.records(registry), 0, None, CONSENTS_EACH)


def _window(found: readback.Found, phase: Phase) -> Window:
    return Window(phase.released_at, found.followed_at(phase), phase.records)


def _check(found: readback.Found, audience: Audience) -> None:
    """See that every partner was shown what it has to be, and the person was told of each."""
    registered = load_registry(partners_file())
    for records, grants in zip(found.partners, audience.people.grants, strict=True):
        policy = registered.policy(grants.partner_id)
        wanted = expected.expected(policy, grants, audience.news, ROUNDS)
        expected.check(records, wanted, len(audience.people))
    expected.check_apart(found.partners)
    shown = sum(len(records.shown) for records in found.partners)
    told = found.volumes[topics.DISCLOSURES.name].records
    if told != shown:
        raise SesameError(f"{shown} records were shown to partners, {told} of them disclosed")
    if dead := found.volumes[topics.DEAD_LETTERS.name].records:
        raise SesameError(f"the gateway refused {dead} records")
