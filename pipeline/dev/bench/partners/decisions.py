"""How long a decision takes: asked of the car rental over HTTP, and in process alone."""

import http.client
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self
from uuid import uuid4

import numpy as np

from pipeline.dev.bench import systems
from pipeline.dev.bench.child import Child
from pipeline.dev.bench.partners.gateway import environment
from pipeline.dev.bench.systems import Bench
from pipeline.errors import SesameError
from pipeline.partners.client import PartnerClient
from pipeline.partners.vocabulary import Outcome
from pipeline.settings import Settings

PARTNER_ID = "car-rental"
_WARM_UP = 500
_READY_S = 120.0
_ANSWER_S = 30.0
_CREATED = 201


@dataclass(frozen=True, slots=True)
class Decisions:
    """Each decision's time, and how the rental's ended."""

    asked_ms: list[float]
    decided_us: list[float]
    outcomes: dict[str, int]


class WrongDecisionError(SesameError):
    """A decision that what the partner was shown does not bear out."""


def measure(
    bench: Bench, admitted: Mapping[str, bool], count: int, number: int, settings: Settings
) -> Decisions:
    """Decide on people one after the other, over HTTP and then in process.

    Args:
        bench: What all runs share.
        admitted: By subject, whether the partner was last shown a yes.
        count: Decisions to time, after a warm-up.
        number: Of the round.
        settings: Those of the run whose topics they read.

    Raises:
        SesameError: The service ended, was not ready in time or decided otherwise than on what
            it was shown.
    """
    drawn = _drawn(list(admitted), count, number)
    told = environment(bench, settings)
    log = bench.folder / f"{PARTNER_ID}-{number}.log"
    command = systems.command("pipeline.cli.main", "partner", PARTNER_ID)
    with Child(command, told, log) as child:
        bench.say("decisions: starting the car rental")
        systems.wait_ready(settings.rental_port, child)
        bench.say(f"decisions: asking for {count:,}")
        with _Rental(settings.rental_port) as rental:
            asked, outcomes = _timed(rental.ask, drawn, admitted)
    bench.say("decisions: in process")
    with PartnerClient(
        PARTNER_ID, settings=settings, store=bench.folder / f"view-{number}.db"
    ) as client:
        client.wait_ready(_READY_S)
        decided, _ = _timed(lambda subject: client.decide(subject).outcome, drawn, admitted)
    return Decisions([1e3 * s for s in asked], [1e6 * s for s in decided], outcomes)


def _drawn(subjects: Sequence[str], count: int, seed: int) -> list[str]:
    """Random subjects, each once while there are enough; the first are the warm-up."""
    rng = np.random.default_rng(seed)
    wanted = count + _WARM_UP
    places = rng.choice(len(subjects), wanted, replace=wanted > len(subjects))
    return [subjects[at] for at in places.tolist()]


def _timed(
    decide: Callable[[str], Outcome], subjects: Sequence[str], admitted: Mapping[str, bool]
) -> tuple[list[float], dict[str, int]]:
    """Seconds of each decision after the warm-up, and how they ended."""
    seconds: list[float] = []
    outcomes: Counter[str] = Counter()
    for subject in subjects:
        began = time.perf_counter()
        outcome = decide(subject)
        seconds.append(time.perf_counter() - began)
        if (outcome is Outcome.DEPOSIT_WAIVED) != admitted[subject]:
            raise WrongDecisionError(f"{outcome} for a subject shown {admitted[subject]}")
        outcomes[outcome] += 1
    return seconds[_WARM_UP:], dict(outcomes)


class _Rental:
    """The car rental over one connection that is kept."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_S)

    def __enter__(self) -> Self:
        self._connection.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ask(self, subject: str) -> Outcome:
        """Rent a car to somebody.

        Raises:
            WrongDecisionError: It was not taken.
        """
        rental = {"subject": subject, "vehicle": "compact", "days": 3}
        headers = {"Content-Type": "application/json", "Idempotency-Key": uuid4().hex}
        self._connection.request("POST", "/rentals", json.dumps(rental), headers)
        response = self._connection.getresponse()
        answer = response.read()
        if response.status != _CREATED:
            raise WrongDecisionError(f"POST /rentals answered {response.status}: {answer!r}")
        return Outcome(json.loads(answer)["decision"]["outcome"])
