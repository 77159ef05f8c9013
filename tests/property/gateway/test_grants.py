"""One person's grants, against a naive model, over all cuts into batches."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.codec.consent_reads import NO_DISCLOSURE, ConsentReads
from pipeline.codec.names import names_of
from pipeline.factors.layout import NO_TIME
from pipeline.factors.vocabulary import Scope
from pipeline.gateway.changes import Changes
from pipeline.gateway.decisions import decide
from pipeline.gateway.enrolment import end_enrolments, enrol
from pipeline.gateway.keyring import KeyRing
from pipeline.gateway.limits import Limits
from pipeline.gateway.showing import Moment, refresh
from pipeline.gateway.state import GatewayState
from pipeline.gateway.terms import PolicyTable, Terms
from pipeline.gateway.vocabulary import DISCLOSURES, PURPOSE_CODES
from tests.property.gateway.histories import PAIRS, Step
from tests.property.gateway.naive import Person
from tests.unit.gateway.world import BOTH, START_MS

# Few times and one purpose, so that ties are frequent.
AT = st.integers(1, 4).map(lambda at: START_MS + at)
ENDS = st.none() | st.integers(1, 9).map(lambda at: START_MS + at)
PAIR = st.sampled_from([PAIRS[0]] * 3 + [PAIRS[2]])


def a_step(what: str, **fields: st.SearchStrategy[object]) -> st.SearchStrategy[Step]:
    given = st.fixed_dictionaries({"occurred_at": AT} | fields)
    return given.map(lambda drawn: Step(what, "ann", tuple(drawn.items())))


STEPS = st.one_of(
    a_step("grant", pair=PAIR, disclosure=st.sampled_from(["ADMIT", "SCORE"]), expires_at=ENDS),
    a_step("grant", pair=PAIR, disclosure=st.sampled_from(["ADMIT", "SCORE"]), expires_at=ENDS),
    a_step("withdraw", pair=PAIR | st.just(("bikes", None))),
    a_step("enrol", expires_at=ENDS),
    a_step("leave"),
)

RING = KeyRing.of(["k" * 32])
TERMS = Terms.of(BOTH)


def reads_of(steps: list[Step]) -> ConsentReads:
    given = [step.given for step in steps]
    partner = np.array([step.what in ("grant", "withdraw") for step in steps])
    pairs = [fields.get("pair", (None, None)) for fields in given]
    shown = [fields.get("disclosure") for fields in given]
    ranks = [NO_DISCLOSURE if name is None else DISCLOSURES.index(name) for name in shown]
    ends = [fields.get("expires_at") for fields in given]
    return ConsentReads(
        kept=np.arange(len(steps)),
        users=["ann"] * len(steps),
        occurred_at_ms=np.array([fields["occurred_at"] for fields in given], np.int64),
        grant=np.array([step.what in ("grant", "enrol") for step in steps]),
        scope=np.where(partner, Scope.PARTNER, Scope.SCORING).astype(np.uint8),
        partners=names_of(pa.array([name for name, _ in pairs], pa.string())),
        purposes=names_of(pa.array([purpose for _, purpose in pairs], pa.string())),
        disclosure=np.array(ranks, np.uint8),
        expires_at_ms=np.array([NO_TIME if end is None else end for end in ends], np.int64),
        refused=0,
    )


def apply(state: GatewayState, steps: list[Step], now_ms: int) -> None:
    changes = Changes()
    if steps:
        reads = reads_of(steps)
        people = state.people.slots_or_new(reads.users)
        enrol(state, reads, people, now_ms, changes)
        decide(state, reads, people, RING, changes)
    end_enrolments(state, now_ms, changes)
    due = np.flatnonzero(state.grants.due_ms[: state.grants.slots_end] <= now_ms)
    slots = np.unique(np.concatenate([due, *(slots for slots, _ in changes.touched)]))
    moment = Moment(PolicyTable(TERMS), Limits(0, 1), now_ms, now_ms)
    refresh(state, slots, np.zeros(len(slots), np.uint8), moment, changes)


def granted(state: GatewayState, partner: str, purpose: str) -> tuple[str, int | None] | None:
    code = state.grants.partner_code(partner)
    slot = state.grants.find_one(0, code, PURPOSE_CODES[purpose])
    if slot < 0 or state.grants.rows["ended_seen_ms"][slot]:
        return None
    row = state.grants.rows[slot]
    return str(DISCLOSURES[row["disclosure"]]), int(row["expires_at_ms"]) or None


@settings(max_examples=500)
@given(
    st.lists(st.tuples(STEPS, st.sampled_from([0, 0, 1, 5])), max_size=6),
    st.integers(0, 8),
)
def test_what_is_granted_is_what_a_naive_model_says_at_every_cut(
    history: list[tuple[Step, int]], passed_ms: int
) -> None:
    naive, state, now_ms = Person(), GatewayState(), START_MS
    batch: list[Step] = []
    for step, then_passed_ms in history:
        batch.append(step)
        naive.take(step)
        if then_passed_ms:
            apply(state, batch, now_ms)
            batch, now_ms = [], now_ms + then_passed_ms
    apply(state, batch, now_ms + passed_ms)

    expected = {pair: naive.granted(pair, now_ms + passed_ms) for pair in PAIRS}
    assert {pair: granted(state, *pair) for pair in PAIRS} == expected
