"""How long a decision takes: asked of the car rental over HTTP, and of the SDK alone."""

import http.client
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self
from uuid import uuid4

import numpy as np

from pipeline.dev.bench import systems
from pipeline.dev.bench.child import Child
from pipeline.dev.bench.partners.gateway import environment
from pipeline.dev.bench.partners.timing import WARM_UP, WrongDecisionError, timed
from pipeline.dev.bench.systems import Bench
from pipeline.errors import SesameError
from pipeline.partners.vocabulary import Outcome
from pipeline.settings import Settings

PARTNER_ID = "car-rental"
_ANSWER_S = 30.0
_ALONE_S = 600.0
_CREATED = 201


@dataclass(frozen=True, slots=True)
class Decisions:
    """Each decision's time, and how the rental's ended."""

    asked_ms: list[float]
    decided_us: list[float]
    outcomes: dict[str, int]


def measure(
    bench: Bench, admitted: Mapping[str, bool], count: int, number: int, settings: Settings
) -> Decisions:
    """Decide on people one after the other, over HTTP and then by the SDK alone.

    Args:
        bench: What all runs share.
        admitted: By subject, whether the partner was last shown a yes.
        count: Decisions to time, after a warm-up.
        number: Of the round.
        settings: Those of the run whose topics they read.

    Raises:
        SesameError: A process ended, was not ready in time or decided otherwise than on what
            it was shown.
    """
    order = _drawn(list(admitted), count, number)
    told = environment(bench, settings)
    log = bench.folder / f"{PARTNER_ID}-{number}.log"
    command = systems.command("pipeline.cli.main", "partner", PARTNER_ID)
    with Child(command, told, log) as child:
        bench.say("decisions: starting the car rental")
        systems.wait_ready(settings.rental_port, child)
        bench.say(f"decisions: asking for {count:,}")
        with _Rental(settings.rental_port) as rental:
            asked = timed(rental.ask, order, admitted)
    bench.say("decisions: by the SDK alone")
    decided = _alone(bench, {"order": order, "admitted": dict(admitted)}, number, told)
    return Decisions([1e3 * s for s in asked.seconds], [1e6 * s for s in decided], asked.outcomes)


def _drawn(subjects: Sequence[str], count: int, seed: int) -> list[str]:
    """Random subjects, each once while there are enough."""
    rng = np.random.default_rng(seed)
    wanted = count + WARM_UP
    places = rng.choice(len(subjects), wanted, replace=wanted > len(subjects))
    return [subjects[at] for at in places.tolist()]


def _alone(
    bench: Bench, given: dict[str, object], number: int, told: Mapping[str, str]
) -> list[float]:
    """The seconds of decisions in a process of their own, without what we hold in memory."""
    asked, left = bench.folder / "decide.json", bench.folder / f"decided-{number}.json"
    asked.write_text(json.dumps({"partner_id": PARTNER_ID} | given))
    files = (str(asked), str(bench.folder / f"view-{number}.db"), str(left))
    ended = subprocess.run(  # noqa: S603 - our own command
        systems.command("pipeline.dev.bench.partners.decide_alone", *files),
        env=os.environ | told,
        capture_output=True,
        text=True,
        timeout=_ALONE_S,
        check=False,
    )
    if ended.returncode:
        raise SesameError(f"decide_alone ended with status {ended.returncode}:\n{ended.stderr}")
    seconds: list[float] = json.loads(left.read_text())["seconds"]
    return seconds


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
