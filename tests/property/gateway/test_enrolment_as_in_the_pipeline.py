"""However SCORING consents arrive, the gateway takes for enrolled whom the pipeline does."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline import topics
from pipeline.factors.fold import Policy
from pipeline.factors.vocabulary import Scope
from pipeline.scoring.model import load_model
from pipeline.streaming import step
from pipeline.streaming.arrivals import decode
from pipeline.streaming.output import Output
from pipeline.streaming.position import Position
from pipeline.streaming.store import PartitionStore
from tests.unit.gateway.logs import Written
from tests.unit.gateway.world import AVRO, START_MS, World

MODEL = load_model("default@1")
AT = st.integers(1, 8)
ENDS = st.none() | st.integers(1, 12)
CONSENTS = st.tuples(st.sampled_from(["GRANT", "GRANT", "WITHDRAW"]), AT, ENDS)
BATCHES = st.lists(st.lists(CONSENTS, min_size=1, max_size=4), min_size=1, max_size=5)
Enrolment = tuple[int, int] | None
"""Since when and until when, 0 without an end."""


class Worker:
    """The pipeline's side: a partition's store, fed with what the gateway reads."""

    def __init__(self) -> None:
        self.context = step.StepContext(
            AVRO, MODEL, Policy(), partition=0, partitions=1, topic_prefix=""
        )
        self.store = PartitionStore()
        self.position = Position()

    def apply(self, records: list[Written], newest_ms: int) -> None:
        decoded = decode({topics.CONSENTS.name: records}, AVRO)
        folded = step.fold(self.store, decoded, self.position, self.context)
        self._commit(step.finish(folded, self.position, self.context))
        # Its event time goes on by what is counted, none of which is sent here.
        self.position.watermark_ms = newest_ms
        if lapsed := self.store.expired(self.position.watermark_ms):
            self._commit(step.sweep(self.store, lapsed, self.position, self.context))

    def _commit(self, output: Output) -> None:
        for user in output.erased:
            self.store.remove(user)
        self.store.scatter(output.state, output.changed)
        self.position = output.position

    def enrolment(self, user: str) -> Enrolment:
        state = self.store.gather([user])
        if not int(state.rows["consent_mask"][0]) >> Scope.SCORING & 1:
            return None
        ledger = state.ledgers[0]
        return int(ledger["consent_at_ms"][0]), int(ledger["consent_expires_ms"][0])


def enrolment_at_the_gateway(world: World, user: str) -> Enrolment:
    people = world.lanes[0].state.people
    (slot,) = people.slots([user]).tolist()
    row = people.rows[slot]
    if slot < 0 or not row["enrolled_at_ms"] or row["ended_seen_ms"]:
        return None
    return int(row["enrolled_at_ms"]), int(row["ends_at_ms"])


@given(BATCHES, st.sets(st.integers(0, 4)))
def test_the_gateway_and_the_pipeline_decide_alike_until_an_end_passes_and_it_never_more(
    batches: list[list[tuple[str, int, int | None]]], restored_before: set[int]
) -> None:
    # Its clock is behind, so that event time alone ends anything at both.
    worker, world = Worker(), World(now_ms=START_MS - 1_000)
    ends: list[int] = []
    for number, batch in enumerate(batches):
        if number in restored_before:
            world.restore()
        known = len(world.records(topics.CONSENTS))
        for action, at, end in batch:
            ends_ms = None if end is None or action == "WITHDRAW" else START_MS + end
            ends += [ends_ms] if ends_ms else []
            world.consent("ann", START_MS + at, action=action, expires_at=ends_ms)
        arrived = world.run().records(topics.CONSENTS)[known:]
        worker.apply(arrived, world.lanes[0].position.watermark_ms)

        decided = worker.enrolment("ann")
        # What it has erased for its end the pipeline knows no more, the gateway for a while.
        lapsed = min(ends, default=START_MS * 2) <= worker.position.watermark_ms
        assert enrolment_at_the_gateway(world, "ann") in ({decided, None} if lapsed else {decided})
