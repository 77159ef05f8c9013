"""Random histories of a gateway: what people decide, what is scored, what partners report."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from pipeline.partners.registry import Registry
from tests.unit.gateway.world import BOTH, START_MS, World, registry

PEOPLE = ("ann", "Zoë")
PAIRS = (("bikes", "BIKE_DEPOSIT"), ("bikes", "HOTEL_DEPOSIT"), ("loans", "MICROLOAN"))
STRANGERS = (("later", "BIKE_DEPOSIT"), ("loans", "BIKE_DEPOSIT"))
"""Pairs that are not registered, but could be."""
END_MS = 6
OTHERS = registry(bikes={"BIKE_DEPOSIT": 640, "disclosure": "ADMIT"}, later={"BIKE_DEPOSIT": 400})


@dataclass(frozen=True)
class Step:
    """One thing that happens: the name of what, and its arguments."""

    what: str
    user: str = ""
    fields: tuple[tuple[str, Any], ...] = ()

    @property
    def given(self) -> dict[str, Any]:
        """The arguments by name."""
        return dict(self.fields)


def _step(what: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    given = st.fixed_dictionaries(fields).map(lambda drawn: tuple(drawn.items()))
    return st.builds(Step, st.just(what), st.sampled_from(PEOPLE), given)


AT = st.integers(1, END_MS).map(lambda at: START_MS - 8 + at)
"""Event times, all before the clock's beginning."""
ENDS = st.none() | st.integers(-8, 12).map(lambda after: START_MS + after)

grants = _step(
    "grant",
    occurred_at=AT,
    pair=st.sampled_from((*[PAIRS[0]] * 4, *PAIRS, *STRANGERS)),
    disclosure=st.sampled_from(["ADMIT", "BAND", "SCORE"]),
    expires_at=ENDS,
)
withdrawals = _step(
    "withdraw", occurred_at=AT, pair=st.sampled_from((*PAIRS, PAIRS[0], ("bikes", None)))
)
unending = _step("enrol", occurred_at=AT, expires_at=st.none())
ending = _step("enrol", occurred_at=AT, expires_at=ENDS)
leavings = _step("leave", occurred_at=AT)
scores = _step("score", points=st.none() | st.integers(350, 950), as_of=AT)
erasures = _step("erase")
OUTCOMES = ["OPENED", "OPENED", "LATE", "FULFILLED", "DISPUTED", "DISPUTE_REJECTED"]
outcomes = _step(
    "outcome",
    pair=st.sampled_from(PAIRS),
    of=st.sampled_from(PAIRS),
    status=st.sampled_from(OUTCOMES),
    contract_id=st.sampled_from(["c1", "c2"]),
    at=st.integers(-9, 0),
)
enquiries = _step("enquire", pair=st.sampled_from(PAIRS), times=st.integers(1, 3))
reloads = _step("reload", others=st.booleans())
rotations = _step("rotate")
consents = grants | grants | withdrawals | leavings
all_steps = (
    consents | scores | scores | erasures | ending | outcomes | enquiries | reloads | rotations
)


def begin(**limits: object) -> World:
    """A world whose partners may ask twice a day."""
    return World(partitions=2, limits={"enquiries_per_day_max": 2} | limits)


def produce(world: World, step: Step) -> None:  # noqa: C901, PLR0912 - one case a kind of step
    """Have one thing happen; the gateway has not looked at it yet."""
    given = step.given
    partner, purpose = given.pop("pair", ("", None))
    named = {"partner": partner, "purpose": purpose}
    match step.what:
        case "grant":
            world.grant(step.user, given.pop("occurred_at"), **named, **given)
        case "withdraw":
            world.withdraw(step.user, given["occurred_at"], **named)
        case "enrol":
            world.consent(step.user, given["occurred_at"], expires_at=given["expires_at"])
            if step.user in world.enrolled_with_end:
                world.erase(step.user)
            elif given["expires_at"] is not None:
                world.enrolled_with_end.add(step.user)
        case "leave":
            world.consent(step.user, given["occurred_at"], action="WITHDRAW")
            # So the pipeline does; a score without it would be of before.
            world.erase(step.user)
        case "score":
            world.score(step.user, given["points"], as_of=given["as_of"])
        case "erase":
            world.erase(step.user)
        case "outcome":
            of = world.keyring.subject(step.user, *given.pop("of"))
            at_ms = START_MS + given.pop("at")
            world.outcome(partner, of, occurred_at=at_ms, **given)
        case "enquire":
            subject = world.keyring.subject(step.user, partner, purpose or "")
            for _ in range(given["times"]):
                world.enquiry(partner, subject, purpose=purpose)
        case "reload":
            world.reload(OTHERS if given["others"] else BOTH)
        case "rotate":
            secrets = [f"{len(world.secrets):032}", *world.secrets]
            world.secrets = secrets
            world.reload(secrets=secrets)


def live(world: World, steps: Sequence[Step], passed_ms: int, chance: random.Random) -> World:
    """Let the steps happen in order; when the gateway looks, and how time passes, is chance."""
    events: list[Step | None] = [*steps, *([None] * passed_ms)]
    ticks = set(chance.sample(range(len(events)), passed_ms))
    waiting = iter(steps)
    for at in range(len(events)):
        if at in ticks:
            world.now_ms += 1
        else:
            produce(world, next(waiting))
        if chance.random() < 0.2:
            world.run([chance.randint(1, 4)])
    return world.run()


def terms_of(world: World) -> Registry:
    """The registry in force."""
    return OTHERS if ("later", "BIKE_DEPOSIT") in world.box.current.policies else BOTH
