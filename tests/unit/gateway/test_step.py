"""Transactions of a lane that has just taken its partition over."""

from pipeline import topics
from pipeline.gateway import step
from pipeline.gateway.following import follow
from pipeline.gateway.vocabulary import ScoreStatus
from tests.unit.gateway.logs import compacted
from tests.unit.gateway.world import AVRO, START_MS, Lane, World

AT = START_MS - 1_000


def compacted_meanwhile(world: World) -> Lane:
    """A restored lane; of `scores` only what compaction leaves of all that was published."""
    world.restore()
    (lane,) = world.lanes
    applied = lane.position.next_offset(topics.SCORES.name)
    left = compacted(world.logs[topics.SCORES.name, 0])
    lane.state.people.scores["status"] = ScoreStatus.ABSENT
    if below := [record for record in left if record.offset < applied]:
        follow(lane.state, below, AVRO)
    return lane


def test_nobody_looks_erased_whose_score_moved_while_no_gateway_ran() -> None:
    world = World().consent("ann", AT).grant("ann", AT).score("ann", 660).run()
    world.score("ann", 560)
    lane = compacted_meanwhile(world)

    unread = world._unread(lane)[topics.SCORES.name]
    output, rescored = step.catch_up(lane.state, unread, lane.position, lane.context)
    world._commit(lane, output)
    slots = lane.state.grants.taken(0, lane.state.grants.slots_end)
    args = (lane.state, slots, lane.position, lane.context, lane.table, rescored)
    world._commit(lane, step.review(*args))

    assert world.told("ann") == [("SHOWN", "GRANT"), ("SHOWN", "SCORE")]
    assert not world._unread(lane)
    assert (world.seen("ann") or {})["admitted"] == "NO"
